//! A thousand prompts that stream at the same time, against a stand-in for a model:
//!
//!     cargo build --release -p cascadec && cargo bench -p cascade-tests --bench streams
//!
//! Prints the memory of the process and its processor time for each prompt. Bars: 256 MB and 1 ms.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};

/// How many prompts stream at once.
const PROMPTS: usize = 1_000;
/// How many events with text each stream has, and the time between two.
const EVENTS: usize = 50;
const PAUSE: Duration = Duration::from_millis(40);

fn main() {
    if let Err(error) = measure() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let here = std::env::current_exe()?;
    let target = here.ancestors().find(|folder| folder.ends_with("release"));
    let binary = target.map_or_else(|| PathBuf::from("target/release"), Path::to_path_buf).join("cascadec");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (open, most) = (Arc::clone(&open), Arc::clone(&most));
            let serve = move || {
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // The client may have gone.
                let _ = answer(stream, &most);
                open.fetch_sub(1, Ordering::SeqCst);
            };
            if thread::Builder::new().stack_size(128 * 1024).spawn(serve).is_err() {
                return;
            }
        }
    });
    let folder = tempfile::tempdir()?;
    let program = format!(
        "model m {{\n  provider: openai_compatible\n  id: \"m\"\n  base_url: \"{url}\"\n  context: 100_000\n  \
         max_output: 1_000\n  price: {{ input: 1usd, output: 10usd }}\n}}\n\nskill say(n: int) -> string {{\n  prompt \"Say $<n>.\"\n}}\n\n\
         cascade main() -> int {{\n  for n in range({PROMPTS}) parallel max {PROMPTS} {{\n    stage said = say(n)\n      using m\n  }}\n  return 1\n}}\n"
    );
    let file = folder.path().join("streams.cascade");
    std::fs::write(&file, program)?;
    let began = Instant::now();
    let status = Command::new(binary)
        .args(["run", "-q"])
        .arg(&file)
        .env_remove("LD_LIBRARY_PATH")
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .status()?;
    let elapsed = began.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |t: nix::sys::time::TimeVal| t.tv_sec() * 1_000_000 + t.tv_usec();
    let cpu = micros(usage.user_time()) + micros(usage.system_time());
    println!(
        "{PROMPTS} prompts of {EVENTS} events, {} at once: {status}, {:.0} MB (bar 256), {:.2} ms of processor time for \
         each (bar 1), {:.1} s",
        seen.load(Ordering::SeqCst),
        usage.max_rss() as f64 / 1024.0,
        cpu as f64 / 1000.0 / PROMPTS as f64,
        elapsed.as_secs_f64(),
    );
    Ok(())
}

/// Reads a request and streams an answer, which ends after every prompt has begun.
fn answer(mut stream: TcpStream, most: &AtomicUsize) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") || !request.ends_with(b"}") {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..n]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let event = "data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words \"},\"finish_reason\":null}]}\n\n";
    for _ in 0..EVENTS {
        stream.write_all(event.as_bytes())?;
        thread::sleep(PAUSE);
    }
    let began = Instant::now();
    while most.load(Ordering::SeqCst) < PROMPTS && began.elapsed() < Duration::from_secs(20) {
        stream.write_all(b": still there\n\n")?;
        thread::sleep(PAUSE);
    }
    stream.write_all(
        b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
          data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":100}}\n\ndata: [DONE]\n\n",
    )
}
