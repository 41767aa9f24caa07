//! The figures of the project, measured on whole processes of the release binary:
//!
//!     cargo build --release -p cascadec && cargo bench -p cascade-tests
//!
//! Each line is the best of several runs: processor time, elapsed time, memory. Instructions are
//! counted by valgrind where it is installed; they do not depend on what else the machine does.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use cascade_tests::generate;
use nix::sys::resource::{UsageWho, getrusage};

struct Figure {
    cpu: Duration,
    elapsed: Duration,
    kib: i64,
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    match args.next().as_deref() {
        // One process is measured by a process of its own, so that the figures of its children
        // are those of this one.
        Some("--measure") => measure_here(&args.collect::<Vec<_>>()),
        filter => report(filter),
    }
}

fn binary() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    let target = here
        .ancestors()
        .find(|a| a.ends_with("release"))
        .map_or_else(|| PathBuf::from("target/release"), Path::to_path_buf);
    target.join("cascadec")
}

fn report(filter: Option<&str>) {
    let binary = binary();
    if !binary.exists() {
        eprintln!("{} is missing: cargo build --release -p cascadec", binary.display());
        std::process::exit(1);
    }
    let folder = std::env::temp_dir().join(format!("cascade-figures-{}", std::process::id()));
    if let Err(error) = std::fs::create_dir_all(&folder) {
        eprintln!("{}: {error}", folder.display());
        std::process::exit(1);
    }
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        if let Err(error) = std::fs::write(&path, text) {
            eprintln!("{}: {error}", path.display());
        }
        path.to_string_lossy().into_owned()
    };
    let flat = write("flat.cascade", generate::program(10_000, false));
    let flat2 = write("flat2.cascade", generate::program(20_000, false));
    let chained = write("chained.cascade", generate::program(10_000, true));
    let chained2 = write("chained2.cascade", generate::program(20_000, true));
    let stages = write("stages.cascade", generate::stages(5_000));
    let trivial = write("trivial.cascade", "cascade main() {\n}\n".to_owned());
    let hello = write("hello.cascade", generate::hello());
    let none = write("none.cascade", "cascade main() -> int {\n  return 1\n}\n".to_owned());
    let chain = write("chain.cascade", generate::pure_chain(1_000));
    let looped = write("loop.cascade", generate::pure_loop(10_000));
    let fan = write("fan.cascade", generate::fan_out(10_000));
    let commands = write("commands.cascade", generate::commands(200));

    println!("{:<44} {:>9} {:>9} {:>9}  bar", "", "cpu ms", "ms", "MB");
    let cases: &[(&str, &[&str], &str)] = &[
        ("check a trivial file", &["check", &trivial], "10 ms, 20 MB"),
        ("check 10,000 lines, flat", &["check", &flat], "50 ms cpu"),
        ("check 20,000 lines, flat", &["check", &flat2], ""),
        ("check 10,000 lines, chained", &["check", &chained], "50 ms cpu"),
        ("check 20,000 lines, chained", &["check", &chained2], ""),
        ("check 5,000 stages", &["check", &stages], "20 ms cpu"),
        ("run hello (one command)", &["run", "-q", &hello], "5 ms, 10 MB"),
        ("run nothing", &["run", "-q", &none], ""),
        ("run 1,000 pure stages", &["run", "-q", &chain], "2 us a stage above the check"),
        ("check 1,000 pure stages", &["check", &chain], ""),
        ("run 10,000 pure iterations", &["run", "-q", &looped], "1 us each above nothing"),
        ("run 10,000 parallel branches", &["run", "-q", &fan], "30 ms, 30 MB"),
        ("run 200 times /bin/true, 8 at once", &["run", "-q", &commands], "75 ms"),
    ];
    for (name, args, bar) in cases {
        if filter.is_some_and(|f| !name.contains(f)) {
            continue;
        }
        match measure(&binary, args, &folder) {
            Some(f) => println!(
                "{name:<44} {:>9.2} {:>9.2} {:>9.1}  {bar}",
                f.cpu.as_secs_f64() * 1e3,
                f.elapsed.as_secs_f64() * 1e3,
                f.kib as f64 / 1024.0
            ),
            None => println!("{name:<44} failed"),
        }
    }
    for (name, small, large) in [("flat", &flat, &flat2), ("chained", &chained, &chained2)] {
        if filter.is_some_and(|f| !"instructions".contains(f)) {
            continue;
        }
        match (instructions(&binary, small, &folder), instructions(&binary, large, &folder)) {
            (Some(a), Some(b)) => println!(
                "instructions, {name}: {:.1} M for 10,000 lines, {:.1} M for 20,000: {:.2} times (bar 2.2)",
                a as f64 / 1e6,
                b as f64 / 1e6,
                b as f64 / a as f64
            ),
            _ => println!("instructions, {name}: valgrind is not installed"),
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// Measures a command in a process of its own.
fn measure(binary: &Path, args: &[&str], folder: &Path) -> Option<Figure> {
    let mut best: Option<Figure> = None;
    for _ in 0..15 {
        let output = Command::new(std::env::current_exe().ok()?)
            .arg("--measure")
            .arg(binary)
            .args(args)
            // cargo's search path for libraries would slow down every program that is started.
            .env_remove("LD_LIBRARY_PATH")
            .current_dir(folder)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let numbers: Vec<i64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [cpu, elapsed, kib] = numbers.as_slice() else { return None };
        let figure = Figure {
            cpu: Duration::from_micros(u64::try_from(*cpu).ok()?),
            elapsed: Duration::from_micros(u64::try_from(*elapsed).ok()?),
            kib: *kib,
        };
        best = Some(match best {
            None => figure,
            Some(b) => Figure {
                cpu: b.cpu.min(figure.cpu),
                elapsed: b.elapsed.min(figure.elapsed),
                kib: b.kib.min(figure.kib),
            },
        });
    }
    best
}

/// Runs one command; prints its processor time, its time, and its memory.
fn measure_here(args: &[String]) {
    let Some((program, rest)) = args.split_first() else { return };
    let began = Instant::now();
    let status = Command::new(program).args(rest).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let elapsed = began.elapsed();
    if !status.is_ok_and(|s| s.success()) {
        return;
    }
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return };
    let micros = |t: nix::sys::time::TimeVal| t.tv_sec() * 1_000_000 + t.tv_usec();
    println!("{} {} {}", micros(usage.user_time()) + micros(usage.system_time()), elapsed.as_micros(), usage.max_rss());
}

fn instructions(binary: &Path, file: &str, folder: &Path) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(binary)
        .args(["check", file])
        .current_dir(folder)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|l| l.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
