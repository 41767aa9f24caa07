//! A terminal of a given size: a pseudo terminal, and what a terminal would show of what is written to it.

use std::{
    fs::File,
    io::{Read, Write},
    num::NonZero,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use cascade_tests::binary::cascadec;
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc,
    pty::{Winsize, openpty},
    sys::termios::{LocalFlags, tcgetattr},
};

/// How often the bell was rung.
struct Bells(usize);

impl vt100::Callbacks for Bells {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0 += 1;
    }
}

pub struct Terminal {
    child: Child,
    keys: File,
    /// The side of the program, kept to read its settings.
    side: Option<OwnedFd>,
    screen: Arc<Mutex<vt100::Parser<Bells>>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts `cascadec` in a folder on a terminal of so many rows and columns.
    pub fn start(folder: &Path, args: &[&str], rows: u16, columns: u16, variables: &[(&str, &str)]) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // Programs of other tests must not get this terminal: its end would not be seen.
        static STARTING: Mutex<()> = Mutex::new(());
        let binary = cascadec().as_ref().unwrap();
        let starting = STARTING.lock().unwrap();
        let pty = openpty(Some(&size), None).unwrap();
        for fd in [pty.master.as_fd(), pty.slave.as_fd()] {
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        let mut command = Command::new(binary);
        command.args(args).current_dir(folder).env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("CI");
        command.envs(variables.iter().copied());
        let side = || pty.slave.try_clone().unwrap();
        command.stdin(side()).stdout(side()).stderr(side());
        // The terminal controls the process, so that Ctrl-C is a signal.
        // SAFETY: both calls may be made between fork and exec.
        #[allow(unsafe_code)]
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut command, || {
                nix::unistd::setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                }
            });
        }
        let child = command.spawn().unwrap();
        drop(starting);
        drop(command);
        let screen =
            Arc::new(Mutex::new(vt100::Parser::new_with_callbacks(cells(rows), cells(columns), 1_000, Bells(0))));
        let (mut output, shown) = (File::from(pty.master.try_clone().unwrap()), Arc::clone(&screen));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = output.read(&mut buffer) {
                if count == 0 {
                    return;
                }
                shown.lock().unwrap().process(&buffer[..count]);
            }
        });
        Self { child, keys: pty.master.into(), side: Some(pty.slave), screen, reader: Some(reader) }
    }

    /// What stands on the screen, without blank lines at its end.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents().trim_end().to_owned()
    }

    /// What stands on the screen now, with its colours.
    pub fn screen(&self) -> vt100::Screen {
        self.screen.lock().unwrap().screen().clone()
    }

    /// How often the bell was rung.
    pub fn bells(&self) -> usize {
        self.screen.lock().unwrap().callbacks().0
    }

    /// Whether any cell of the screen has a colour.
    pub fn has_colour(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let (rows, columns) = parser.screen().size();
        (0..rows.get()).any(|row| {
            (0..columns.get()).any(|column| {
                let cell = parser.screen().cell(row, column).unwrap();
                cell.fgcolor() != vt100::Color::Default || cell.bold() || cell.dim()
            })
        })
    }

    /// Waits until a text is on the screen; gives the screen.
    pub fn wait_for(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let shown = self.text();
            if shown.contains(text) {
                return shown;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "`{text}` is not on the screen:\n{shown}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The user makes the window another size.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is a terminal, and the size lives as long as the call.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&self.keys), libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0);
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
    }

    fn flags(&self) -> LocalFlags {
        tcgetattr(self.side.as_ref().unwrap().as_fd()).unwrap().local_flags
    }

    /// Whether keys are read one by one and not shown.
    pub fn reads_keys(&self) -> bool {
        let flags = self.flags();
        !flags.contains(LocalFlags::ECHO) && !flags.contains(LocalFlags::ICANON)
    }

    /// Waits for the end; gives the exit and the screen. The settings of the terminal must be those of the beginning.
    pub fn finish(self) -> (ExitStatus, String) {
        let (status, screen) = self.finish_with_screen();
        (status, screen.contents().trim_end().to_owned())
    }

    /// The same with the colours of the screen.
    pub fn finish_with_screen(mut self) -> (ExitStatus, vt100::Screen) {
        let status = self.child.wait().unwrap();
        let flags = self.flags();
        assert!(flags.contains(LocalFlags::ECHO | LocalFlags::ICANON), "keys are not shown any more: {flags:?}");
        drop(self.side.take());
        // Its end is seen when nothing holds the other side any more.
        let _ = self.reader.take().unwrap().join();
        let screen = self.screen();
        (status, screen)
    }
}

impl Drop for Terminal {
    /// Of a test that has failed no program stays.
    fn drop(&mut self) {
        for _ in 0..500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), nix::sys::signal::SIGINT);
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// A screen with what differs from run to run made equal: times and the mark of what runs.
pub fn without_times(screen: &str) -> String {
    let mut out = String::new();
    for line in screen.lines() {
        let line: String = line.chars().map(|c| if ('\u{2800}'..='\u{28ff}').contains(&c) { '*' } else { c }).collect();
        let words: Vec<&str> = line.split(' ').map(|word| if is_time(word) { "TIME" } else { word }).collect();
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    out
}

fn is_time(word: &str) -> bool {
    let word = word.trim_end_matches(',');
    let number = word.strip_suffix("ms").or_else(|| word.strip_suffix('s'));
    number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.'))
}
