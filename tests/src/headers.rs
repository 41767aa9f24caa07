//! The expected outcome of a program, in `// key: value` lines at its head.

/// The lines at the head of a program.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Header {
    /// `// input: {…}`: the inputs as JSON.
    pub input: Option<String>,
    /// `// result: …`: the result as JSON.
    pub result: Option<String>,
    /// `// fails: kind: message`: the kind of the failure and a part of its message.
    pub fails: Option<(String, String)>,
    /// `// server: 200 body`: what a server answers to one request after the other; its address is
    /// the input `url`.
    pub server: Vec<(u16, String)>,
    /// `// files: name=content …`: the files that the run leaves, and no other.
    pub files: Option<Vec<(String, String)>>,
}

/// Reads the head of a program. Other comments are ignored.
pub fn read_header(text: &str) -> Header {
    let mut header = Header::default();
    for line in text.lines().map_while(|line| line.strip_prefix("// ")) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key {
            "input" => header.input = Some(value.to_owned()),
            "result" => header.result = Some(value.to_owned()),
            "fails" => {
                let (kind, message) = value.split_once(':').unwrap_or((value, ""));
                header.fails = Some((kind.to_owned(), message.trim().to_owned()));
            }
            "server" => {
                let (status, body) = value.split_once(' ').unwrap_or((value, ""));
                header.server.push((status.parse().unwrap_or_default(), body.to_owned()));
            }
            "files" => {
                header.files =
                    Some(value.split_once('=').map(|(n, c)| (n.to_owned(), c.to_owned())).into_iter().collect())
            }
            _ => {}
        }
    }
    header
}
