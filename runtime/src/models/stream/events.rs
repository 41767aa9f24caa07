//! Server-sent events (HTML Living Standard, 9.2): of an event only its data matters, since each API repeats the name
//! within it.

/// Finds the events in a stream of bytes. A character that is cut between two pieces is whole in its line.
#[derive(Default)]
pub(super) struct EventReader {
    /// The beginning of a line whose end has not arrived.
    line: Vec<u8>,
    /// The lines of data of an event that has not ended.
    data: Option<Vec<u8>>,
    /// Whether the last byte was a carriage return, after which a line feed belongs to the same line end.
    after_return: bool,
    /// Whether the first line, which may begin with a byte order mark, was read.
    begun: bool,
}

impl EventReader {
    /// Takes a piece, and gives the data of each event that ends in it.
    pub(super) fn push(&mut self, mut piece: &[u8], mut give: impl FnMut(&[u8])) {
        while let Some(end) = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (head, rest) = piece.split_at(end);
            let is_rest_of_end = end == 0 && self.line.is_empty() && rest[0] == b'\n' && self.after_return;
            self.after_return = rest[0] == b'\r';
            piece = &rest[1..];
            if is_rest_of_end {
                continue;
            }
            self.line.extend_from_slice(head);
            self.end_line(&mut give);
        }
        if !piece.is_empty() {
            self.after_return = false;
            self.line.extend_from_slice(piece);
        }
    }

    /// Gives what an event without its end has.
    pub(super) fn finish(&mut self, mut give: impl FnMut(&[u8])) {
        self.end_line(&mut give);
        self.line.clear();
        self.end_line(&mut give);
    }

    fn end_line(&mut self, give: &mut impl FnMut(&[u8])) {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        if text.is_empty() {
            if let Some(data) = self.data.take() {
                give(&data);
            }
        } else if let Some(value) = text.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_vec()),
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
        }
        // Its room is used again.
        self.line = line;
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let (mut reader, mut out) = (EventReader::default(), Vec::new());
        let mut give = |data: &[u8]| out.push(String::from_utf8(data.to_vec()).unwrap_or_default());
        for piece in pieces {
            reader.push(piece, &mut give);
        }
        reader.finish(&mut give);
        out
    }

    #[test]
    fn events_are_the_same_wherever_the_stream_is_cut() {
        let text = "\u{feff}: ping\nevent: a\ndata: {\"ä\":1}\n\ndata:1\r\ndata: 2\r\n\r\nid: 7\rdata: €\r\rdata: last";
        let whole = ["{\"ä\":1}", "1\n2", "€", "last"];
        assert_eq!(read(&[text.as_bytes()]), whole);
        for at in 0..text.len() {
            let (a, b) = text.as_bytes().split_at(at);
            assert_eq!(read(&[a, b]), whole, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes), whole);
    }
}
