//! What a caller wants to send, copied from its memory.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::FileExt,
    },
};

use super::{
    destinations::Refusal,
    sys::{self, Notification},
};

/// The process that waits for an answer. What is read by it is its own: its memory and its descriptors were opened while
/// it waited, so that no later process with its number is meant.
pub(super) struct Caller {
    pub(super) process: OwnedFd,
    memory: File,
}

/// More is not taken at once; the caller sends the rest.
const MOST_BYTES: usize = 16 << 20;
/// Most parts of a message, and most messages of a call, that the kernel takes.
pub(super) const MOST_PARTS: u64 = 1024;
/// The longest address that the kernel takes, in bytes.
const LONGEST_ADDRESS: usize = 128;
/// The size of `struct msghdr` and of `struct mmsghdr`, in bytes, and where the latter has its result.
const HEADER: usize = 56;
pub(super) const LONG_HEADER: u64 = 64;
const RESULT: u64 = 56;

fn fault<E>(_: E) -> Refusal {
    Refusal::Errno(libc::EFAULT)
}

fn number_at<const N: usize>(bytes: &[u8], place: usize) -> Result<[u8; N], Refusal> {
    bytes.get(place..place + N).and_then(|bytes| bytes.try_into().ok()).ok_or(Refusal::Errno(libc::EFAULT))
}

fn long_at(bytes: &[u8], place: usize) -> Result<u64, Refusal> {
    number_at(bytes, place).map(u64::from_ne_bytes)
}

impl Caller {
    /// The one who made a call.
    pub(super) fn of(listener: &OwnedFd, notification: &Notification) -> io::Result<Self> {
        let process = sys::open_thread(notification.pid)?;
        let memory = File::options().read(true).write(true).open(format!("/proc/{}/mem", notification.pid))?;
        match sys::is_waiting(listener.as_fd(), notification.id) {
            true => Ok(Self { process, memory }),
            false => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn read(&self, address: u64, length: usize) -> Result<Vec<u8>, Refusal> {
        let mut bytes = vec![0; length];
        self.memory.read_exact_at(&mut bytes, address).map_err(fault)?;
        Ok(bytes)
    }

    /// A copy of one of its sockets, or of another descriptor.
    pub(super) fn copy_descriptor(&self, fd: u64) -> Result<OwnedFd, Refusal> {
        // Of the number the kernel looks at the lower half.
        let copied = sys::copy_descriptor(&self.process, fd as u32 as libc::c_int);
        copied.map_err(|error| Refusal::Errno(error.raw_os_error().unwrap_or(libc::EBADF)))
    }

    /// An address of a socket, as the kernel has it.
    pub(super) fn read_address(&self, place: u64, length: u64) -> Result<Vec<u8>, Refusal> {
        // Of the length the kernel looks at the lower half.
        match length as u32 as usize {
            length @ ..=LONGEST_ADDRESS => self.read(place, length),
            _ => Err(Refusal::Errno(libc::EINVAL)),
        }
    }

    /// The message of `sendto`.
    pub(super) fn read_plain(&self, args: &[u64; 6]) -> Result<Message, Refusal> {
        let [_, data, length, _, address, address_length] = *args;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(MOST_BYTES);
        Ok(Message {
            data: self.read(data, length)?,
            address: self.read_address(address, address_length)?,
            control: Vec::new(),
            passed: Vec::new(),
        })
    }

    /// The message of a `struct msghdr`. Descriptors are passed on only by sockets of the system itself (`is_local`).
    pub(super) fn read_message(&self, place: u64, is_local: bool) -> Result<Message, Refusal> {
        let header = self.read(place, HEADER)?;
        let address_length = u64::from(u32::from_ne_bytes(number_at(&header, 8)?));
        let address = match long_at(&header, 0)? {
            0 => Vec::new(),
            address => self.read_address(address, address_length)?,
        };
        let (parts, count) = (long_at(&header, 16)?, long_at(&header, 24)?);
        if count > MOST_PARTS {
            return Err(Refusal::Errno(libc::EMSGSIZE));
        }
        let parts = self.read(parts, usize::try_from(count).unwrap_or(0) * 16)?;
        let mut data = Vec::new();
        for part in parts.chunks_exact(16) {
            let length = usize::try_from(long_at(part, 8)?).unwrap_or(usize::MAX);
            data.extend(self.read(long_at(part, 0)?, length.min(MOST_BYTES - data.len()))?);
        }
        let mut message = Message { data, address, control: Vec::new(), passed: Vec::new() };
        let (control, length) = (long_at(&header, 32)?, long_at(&header, 40)?);
        if control != 0 && length != 0 {
            match usize::try_from(length) {
                Ok(length @ ..=4096) => self.add_control(&mut message, &self.read(control, length)?, is_local)?,
                _ => return Err(Refusal::Errno(libc::ENOBUFS)),
            }
        }
        Ok(message)
    }

    /// Notes in a `struct mmsghdr` how much of it was sent.
    pub(super) fn write_sent(&self, place: u64, sent: usize) {
        // The caller has made its memory unwritable meanwhile: what was sent stays sent.
        let _ = self.memory.write_all_at(&u32::try_from(sent).unwrap_or(u32::MAX).to_ne_bytes(), place + RESULT);
    }

    /// What stands beside the data: see cmsg(3). What could lead a message elsewhere is refused.
    fn add_control(&self, message: &mut Message, mut rest: &[u8], is_local: bool) -> Result<(), Refusal> {
        const HEADER: usize = 16;
        // IP_TOS, IP_TTL, IP_PKTINFO; IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_DONTFRAG, IPV6_TCLASS; UDP_SEGMENT.
        const KNOWN: &[(libc::c_int, libc::c_int)] =
            &[(0, 1), (0, 2), (0, 8), (41, 50), (41, 52), (41, 62), (41, 67), (17, 103)];
        let invalid = Refusal::Errno(libc::EINVAL);
        while rest.len() >= HEADER {
            let length = usize::try_from(long_at(rest, 0)?).unwrap_or(usize::MAX);
            let level = libc::c_int::from_ne_bytes(number_at(rest, 8)?);
            let kind = libc::c_int::from_ne_bytes(number_at(rest, 12)?);
            let Some(value) = rest.get(HEADER..length) else { return Err(invalid) };
            match (level, kind) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) if is_local => {
                    let mut copied = Vec::new();
                    for fd in value.chunks_exact(4) {
                        let fd = self.copy_descriptor(u64::from(u32::from_ne_bytes(number_at(fd, 0)?)))?;
                        copied.extend(fd.as_raw_fd().to_ne_bytes());
                        message.passed.push(fd);
                    }
                    message.push_control(level, kind, &copied);
                }
                // The kernel adds who has sent it where that is asked for.
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if is_local => {}
                known if KNOWN.contains(&known) => message.push_control(level, kind, value),
                _ => return Err(Refusal::Errno(libc::EPERM)),
            }
            rest = rest.get(length.next_multiple_of(8)..).unwrap_or_default();
        }
        Ok(())
    }
}

/// A message that is sent for a caller.
pub(super) struct Message {
    data: Vec<u8>,
    pub(super) address: Vec<u8>,
    control: Vec<u64>,
    /// The descriptors that are passed with it; their numbers are in `control`.
    passed: Vec<OwnedFd>,
}

impl Message {
    fn push_control(&mut self, level: libc::c_int, kind: libc::c_int, value: &[u8]) {
        let length = 16 + value.len();
        let mut bytes = (length as u64).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes().iter().chain(&kind.to_ne_bytes()).chain(value));
        bytes.resize(length.next_multiple_of(8), 0);
        let words = bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()));
        self.control.extend(words);
    }

    /// How long its data is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// Sends it; the number of bytes.
    pub(super) fn send(&self, socket: &OwnedFd, flags: libc::c_int) -> io::Result<usize> {
        sys::send(socket, &self.data, &self.address, &self.control, flags | libc::MSG_NOSIGNAL)
    }

    /// What is left when so many bytes were sent.
    pub(super) fn skip(mut self, sent: usize) -> Self {
        self.data.drain(..sent.min(self.data.len()));
        if sent > 0 {
            self.control.clear();
        }
        self
    }
}
