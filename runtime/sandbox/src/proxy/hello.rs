//! The first message of a TLS client, and the name of the server in it (RFC 8446, section 4.1.2; RFC 6066, section 3).

use std::io::{self, BufRead, BufReader, Read};

/// What a client says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// TLS that asks for this host.
    Name(String),
    /// TLS that names no host, or is not understood.
    Nameless,
    NotTls,
}

/// The longest first message that is looked at.
const MAX: usize = 64 * 1024;
const HANDSHAKE: u8 = 22;

/// The first bytes of a client: of TLS the whole first message, which may be in several records.
pub(super) fn read_first<R: Read>(reader: &mut BufReader<R>) -> io::Result<Vec<u8>> {
    let first = reader.fill_buf()?;
    if first.first() != Some(&HANDSHAKE) {
        let bytes = first.to_vec();
        let length = bytes.len();
        reader.consume(length);
        return Ok(bytes);
    }
    let mut bytes = Vec::new();
    while bytes.len() < MAX {
        let mut head = [0; 5];
        reader.read_exact(&mut head)?;
        bytes.extend_from_slice(&head);
        let mut record = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        reader.read_exact(&mut record)?;
        bytes.extend_from_slice(&record);
        if head[0] != HANDSHAKE || message(&bytes).is_some() {
            break;
        }
    }
    Ok(bytes)
}

/// The host that a client asks for.
pub(super) fn server_name(bytes: &[u8]) -> Hello {
    if bytes.first() != Some(&HANDSHAKE) {
        return Hello::NotTls;
    }
    message(bytes).and_then(|message| name_in(&message)).map_or(Hello::Nameless, Hello::Name)
}

/// The first message without the heads of its records, if all of it is there.
fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut joined) = (bytes, Vec::new());
    while let Some((head, more)) = rest.split_at_checked(5) {
        if head[0] != HANDSHAKE {
            return None;
        }
        let (record, more) = more.split_at_checked(usize::from(u16::from_be_bytes([head[3], head[4]])))?;
        joined.extend_from_slice(record);
        rest = more;
    }
    let length = joined.get(1..4)?;
    let length = usize::from(length[0]) << 16 | usize::from(length[1]) << 8 | usize::from(length[2]);
    joined.get(4..4 + length).filter(|_| joined[0] == 1).map(<[u8]>::to_vec)
}

/// A part of a message that begins with its length, and what follows it.
fn part(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(size)?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

fn name_in(hello: &[u8]) -> Option<String> {
    // The version and the random number.
    let rest = hello.get(34..)?;
    let (_session, rest) = part(rest, 1)?;
    let (_ciphers, rest) = part(rest, 2)?;
    let (_compressions, rest) = part(rest, 1)?;
    let (mut extensions, _) = part(rest, 2)?;
    let mut found = None;
    while let Some((kind, rest)) = extensions.split_at_checked(2) {
        let (extension, rest) = part(rest, 2)?;
        if kind == [0, 0] {
            let (names, _) = part(extension, 2)?;
            let (kind, rest) = names.split_first()?;
            let (name, more) = part(rest, 2)?;
            // Two names, or two lists of them, may be read differently by others.
            if *kind != 0 || !more.is_empty() || found.is_some() {
                return None;
            }
            found = Some(String::from_utf8(name.to_vec()).ok()?);
        }
        extensions = rest;
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A first message with these extensions, in records of this size.
    pub(in crate::proxy) fn hello(extensions: &[(u16, Vec<u8>)], record: usize) -> Vec<u8> {
        let mut all = Vec::new();
        for (kind, content) in extensions {
            all.extend(kind.to_be_bytes());
            all.extend((content.len() as u16).to_be_bytes());
            all.extend(content);
        }
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 19, 1, 1, 0]);
        body.extend((all.len() as u16).to_be_bytes());
        body.extend(all);
        let mut message = vec![1, 0, (body.len() >> 8) as u8, body.len() as u8];
        message.extend(body);
        let records = message.chunks(record).flat_map(|part| {
            let mut bytes = vec![22, 3, 1];
            bytes.extend((part.len() as u16).to_be_bytes());
            bytes.extend(part);
            bytes
        });
        records.collect()
    }

    pub(in crate::proxy) fn name(text: &str) -> Vec<u8> {
        let mut list = vec![0];
        list.extend((text.len() as u16).to_be_bytes());
        list.extend(text.as_bytes());
        let mut bytes = (list.len() as u16).to_be_bytes().to_vec();
        bytes.extend(list);
        bytes
    }

    #[test]
    fn the_name_is_found_also_in_pieces() {
        for record in [1000, 40, 7, 1] {
            let mut bytes = hello(&[(43, vec![2, 3, 4]), (0, name("crates.io"))], record);
            assert_eq!(server_name(&bytes), Hello::Name("crates.io".into()), "{record}");
            bytes.extend(b"more");
            let read = read_first(&mut BufReader::new(&bytes[..])).unwrap();
            assert_eq!(read, bytes[..bytes.len() - 4]);
        }
    }

    #[test]
    fn what_has_no_name_or_two_has_none() {
        assert_eq!(server_name(&hello(&[(43, vec![2, 3, 4])], 1000)), Hello::Nameless);
        assert_eq!(server_name(&hello(&[(0, name("a.org")), (0, name("b.org"))], 1000)), Hello::Nameless);
        assert_eq!(server_name(b"GET / HTTP/1.1\r\n"), Hello::NotTls);
        let whole = hello(&[(0, name("a.org"))], 1000);
        for end in 1..whole.len() {
            assert_eq!(server_name(&whole[..end]), Hello::Nameless, "{end}");
        }
    }
}
