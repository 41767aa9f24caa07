//! The attacks. Each gives `Ok` with what it achieved, or `Err` with how it was held.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::PathBuf,
    time::{Duration, Instant},
};

pub const NAMES: &[&str] = &[
    "write_outside",
    "write_by_symlink",
    "write_by_hard_link",
    "write_by_proc_root",
    "write_by_proc_fd",
    "write_inherited",
    "rename_out",
    "chmod",
    "utimes",
    "bind_mount",
    "new_user_namespace",
    "mknod",
    "read_disk",
    "ptrace",
    "write_memory",
    "io_uring",
    "bpf",
    "keyctl",
    "read_key",
    "read_shadow",
    "read_environment",
    "read_own_environment",
    "signal",
    "write_proc_sys",
    "write_sys",
    "new_privileges",
    "fork_bomb",
    "memory_bomb",
    "disk_fill",
    "disk_fill_many",
    "daemon",
];

pub type Outcome = Result<String, String>;

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

pub fn number(name: &str) -> u16 {
    variable(name).parse().unwrap_or(1)
}

pub fn outside(name: &str) -> PathBuf {
    PathBuf::from(variable("ESCAPE_OUT")).join(name)
}

/// What succeeded has escaped.
pub fn escaped<T>(result: io::Result<T>, what: &str) -> Outcome {
    match result {
        Ok(_) => Ok(what.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The result of a system call.
pub fn call(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub fn carry_out(name: &str) -> Outcome {
    match name {
        "write_outside" => escaped(fs::write(outside("new"), "x"), "wrote a file"),
        "write_by_symlink" => {
            let _ = std::os::unix::fs::symlink(outside("file"), "link");
            escaped(fs::write("link", "x"), "wrote through a link")
        }
        "write_by_hard_link" => escaped(
            fs::hard_link(outside("file"), "hard").and_then(|()| fs::write("hard", "x")),
            "wrote through a hard link",
        ),
        "write_by_proc_root" => {
            let path = format!("/proc/self/root{}", outside("new").display());
            escaped(fs::write(path, "x"), "wrote below /proc/self/root")
        }
        "write_by_proc_fd" => write_by_descriptors_of_others(),
        "write_inherited" => {
            for fd in 3..64 {
                // SAFETY: a number that is no descriptor is an error.
                if unsafe { libc::write(fd, c"x".as_ptr().cast(), 1) } == 1 {
                    return Ok(format!("wrote to descriptor {fd}"));
                }
            }
            Err("no descriptor can be written".to_owned())
        }
        "rename_out" => {
            let _ = fs::write("mine", "x");
            escaped(fs::rename("mine", outside("mine")), "moved a file out")
        }
        "chmod" => {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4777);
            escaped(fs::set_permissions(outside("file"), mode), "changed a mode")
        }
        "utimes" => {
            let path = std::ffi::CString::new(outside("file").to_string_lossy().into_owned()).unwrap();
            let times = [libc::timespec { tv_sec: 1, tv_nsec: 0 }; 2];
            // SAFETY: the path and the times live until the call returns.
            let result = unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), 0) };
            escaped(call(result.into()), "changed a time")
        }
        "bind_mount" => {
            let _ = fs::create_dir("bind");
            let from = std::ffi::CString::new(variable("ESCAPE_OUT")).unwrap();
            // SAFETY: the paths live until the call returns.
            let result = unsafe {
                libc::mount(from.as_ptr(), c"bind".as_ptr(), c"none".as_ptr(), libc::MS_BIND, std::ptr::null())
            };
            escaped(call(result.into()), "mounted a folder")
        }
        "new_user_namespace" => {
            // SAFETY: takes numbers.
            escaped(call(unsafe { libc::unshare(libc::CLONE_NEWNS) }.into()), "made a mount namespace").or_else(|_| {
                // SAFETY: as above.
                escaped(call(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into()), "made a user namespace")
            })
        }
        "mknod" => {
            use std::os::unix::fs::MetadataExt;
            let device = fs::metadata("/usr").map(|meta| meta.dev()).unwrap_or(0);
            // SAFETY: the path lives until the call returns.
            let made = unsafe { libc::mknod(c"disk".as_ptr(), libc::S_IFBLK | 0o600, device) };
            escaped(call(made.into()), "made a device")
        }
        "read_disk" => read_a_disk(),
        "ptrace" => {
            let results = [variable("ESCAPE_VICTIM"), variable("ESCAPE_CASCADE"), "1".to_owned()].map(|pid| {
                // SAFETY: takes numbers.
                call(unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid.parse::<i32>().unwrap_or(1), 0, 0) })
            });
            first_success(results, "traced a process")
        }
        "write_memory" => {
            let results = [variable("ESCAPE_VICTIM"), variable("ESCAPE_CASCADE")]
                .map(|pid| fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/mem")));
            first_success(results, "opened the memory of a process")
        }
        "io_uring" => escaped(
            // SAFETY: the structure is large enough.
            call(unsafe { libc::syscall(libc::SYS_io_uring_setup, 8, [0u8; 256].as_mut_ptr()) }),
            "has a ring",
        ),
        "bpf" => escaped(
            // SAFETY: a map of one element; the structure is large enough.
            call(unsafe { libc::syscall(libc::SYS_bpf, 0, [2u32, 4, 4, 1, 0, 0, 0, 0].as_mut_ptr(), 32) }),
            "made a map",
        ),
        "keyctl" => {
            let keyring = -4; // KEY_SPEC_USER_KEYRING
            let (kind, name) = (c"user", c"escape");
            // SAFETY: the texts live until the call returns.
            let added =
                unsafe { libc::syscall(libc::SYS_add_key, kind.as_ptr(), name.as_ptr(), c"x".as_ptr(), 1, keyring) };
            escaped(call(added), "kept a key for later")
        }
        "read_key" => {
            let key = PathBuf::from(variable("ESCAPE_HOME")).join(".ssh/id_rsa");
            escaped(fs::read_to_string(key), "read a key")
        }
        "read_shadow" => match fs::read_to_string("/etc/shadow") {
            Ok(text) if text.is_empty() => Err("it is empty".to_owned()),
            result => escaped(result, "read the passwords"),
        },
        "read_environment" => {
            let found = fs::read_dir("/proc").into_iter().flatten().flatten().find(|entry| {
                let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
                environment.windows(11).any(|part| part == b"PLANTED-KEY")
            });
            match found {
                Some(entry) => Ok(format!("read the environment of {}", entry.path().display())),
                None => Err("no process outside can be read".to_owned()),
            }
        }
        "read_own_environment" => match fs::read("/proc/self/environ") {
            Ok(text) if text.windows(11).any(|part| part == b"PLANTED-KEY") => Ok("has a key".to_owned()),
            _ => Err("there is no key".to_owned()),
        },
        "signal" => {
            let results = [variable("ESCAPE_VICTIM"), variable("ESCAPE_CASCADE")].map(|pid| {
                // SAFETY: takes numbers.
                call(unsafe { libc::kill(pid.parse().unwrap_or(i32::MAX), libc::SIGSTOP) }.into())
            });
            first_success(results, "stopped a process")
        }
        "write_proc_sys" => first_success(
            ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"]
                .map(|path| fs::OpenOptions::new().write(true).open(path)),
            "opened a setting of the kernel",
        ),
        "write_sys" => {
            first_success(["/sys/fs/cgroup/escape", "/sys/kernel/escape"].map(fs::create_dir), "made a folder in /sys")
        }
        "new_privileges" => {
            // SAFETY: takes numbers.
            match unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } {
                1 => Err("programs get no privileges".to_owned()),
                _ => Ok("programs can get privileges".to_owned()),
            }
        }
        "fork_bomb" => fork_bomb(),
        "memory_bomb" => memory_bomb(),
        "disk_fill" => {
            // SAFETY: takes a number and no pointer that is used.
            unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
            let written = fs::File::create("large").and_then(|mut file| {
                let block = vec![1; 1 << 20];
                (0..200).try_for_each(|_| file.write_all(&block))
            });
            let _ = fs::remove_file("large");
            escaped(written, "wrote 200 MiB into a file")
        }
        "disk_fill_many" => {
            let block = vec![1; 8 << 20];
            let began = Instant::now();
            for index in 0..4096 {
                if let Err(error) = fs::write(format!("part{index}"), &block) {
                    return Err(error.to_string());
                }
                if began.elapsed() > Duration::from_secs(60) || index > 200 {
                    return Ok(format!("wrote {} MiB", index * 8));
                }
            }
            Ok("wrote as much as it wanted".to_owned())
        }
        "daemon" => daemon(),
        other => super::network::carry_out(other),
    }
}

fn first_success<T, const N: usize>(results: [io::Result<T>; N], what: &str) -> Outcome {
    let mut held = String::new();
    for result in results {
        match result {
            Ok(_) => return Ok(what.to_owned()),
            Err(error) => held = error.to_string(),
        }
    }
    Err(held)
}

fn write_by_descriptors_of_others() -> Outcome {
    let own = std::process::id().to_string();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if process.file_name().to_string_lossy() == own {
            continue;
        }
        for fd in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let target = fs::read_link(fd.path()).unwrap_or_default();
            if !target.starts_with(variable("ESCAPE_MARK")) {
                continue;
            }
            if let Ok(file) = fs::OpenOptions::new().write(true).open(fd.path())
                && file.write_at(b"x", 0).is_ok()
            {
                return Ok(format!("wrote to {} by {}", target.display(), fd.path().display()));
            }
        }
    }
    Err("no descriptor of another process can be written".to_owned())
}

fn read_a_disk() -> Outcome {
    use std::os::unix::fs::FileTypeExt;
    let mut held = "there is no disk".to_owned();
    let names = ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmsg", "/dev/dm-0", "/dev/loop0"];
    for name in names {
        match fs::File::open(name).and_then(|mut file| file.read(&mut [0; 512])) {
            Ok(_) => return Ok(format!("read {name}")),
            Err(error) if fs::metadata(name).is_ok_and(|meta| meta.file_type().is_block_device()) => {
                held = format!("{name}: {error}");
            }
            Err(_) => {}
        }
    }
    Err(held)
}

/// Forks as often as it can; the children wait. How many there were is said by the harness, which must survive.
fn fork_bomb() -> Outcome {
    let mut count = 0u32;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        // SAFETY: the child does nothing but wait and fork.
        match unsafe { libc::fork() } {
            -1 => {
                if count < 5000 {
                    return Err(format!("{} after {count} processes", io::Error::last_os_error()));
                }
                break;
            }
            // SAFETY: takes nothing.
            0 => loop {
                unsafe { libc::pause() };
            },
            _ => count += 1,
        }
        if count > 20_000 {
            break;
        }
    }
    Ok(format!("started {count} processes"))
}

/// Takes memory in several processes, each less than a process may have.
fn memory_bomb() -> Outcome {
    for _ in 0..4 {
        // SAFETY: the child takes memory and waits.
        if unsafe { libc::fork() } == 0 {
            let mut blocks: Vec<Vec<u8>> = Vec::new();
            for _ in 0..300 {
                blocks.push(vec![1; 1 << 20]);
            }
            std::thread::sleep(Duration::from_secs(20));
            std::process::exit(blocks.len() as i32 & 1);
        }
    }
    std::thread::sleep(Duration::from_secs(10));
    Ok("has 1200 MiB".to_owned())
}

/// Leaves a process behind, in a session of its own, whose parent has ended.
fn daemon() -> Outcome {
    // SAFETY: the children leave the session and wait.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                libc::setsid();
                for fd in 0..3 {
                    libc::close(fd);
                }
                std::thread::sleep(Duration::from_secs(120));
            }
            libc::_exit(0);
        }
    }
    // Whether it is still there is seen outside.
    std::thread::sleep(Duration::from_millis(100));
    Err("it ended with the command".to_owned())
}
