//! A disk in memory that outlives the store, and can fail, tear writes and lose what was not synced.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cdm_core::store::{Media, Medium};

/// Four files, and what is to go wrong with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) index: Arc<Mutex<File>>,
    pub(crate) log: Arc<Mutex<File>>,
    pub(crate) keys: Arc<Mutex<File>>,
    pub(crate) cells: Arc<Mutex<File>>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    /// Operations so far that change something.
    operations: AtomicU64,
    /// The first operation that fails; 0 for none.
    fail_at: AtomicU64,
    /// And the last one.
    fail_until: AtomicU64,
    /// Whether nothing may be written, because the files are read-only.
    is_read_only: AtomicBool,
    /// Those of them on the index.
    on_index: AtomicU64,
    /// The operation that takes until it is let go.
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Held {
    #[default]
    None,
    /// That one will be.
    Next(u64),
    /// That one on the index will be.
    OnIndex(u64),
    Now,
}

/// What is on the disk for good, and what is only believed to be.
#[derive(Debug, Default, Clone)]
pub(crate) struct File {
    pub(crate) seen: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

/// What becomes of unsynced writes when the power fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    /// None of them is there.
    All,
    /// All of them are.
    None,
    /// Some are, and one is torn in the middle.
    Torn(u64),
}

impl File {
    fn apply(bytes: &mut Vec<u8>, change: &Change, most: usize) {
        match change {
            Change::Length(length) => bytes.resize(*length, 0),
            Change::Bytes(place, data) => {
                let data = &data[..data.len().min(most)];
                if bytes.len() < place + data.len() {
                    bytes.resize(place + data.len(), 0);
                }
                bytes[*place..*place + data.len()].copy_from_slice(data);
            }
        }
    }

    fn change(&mut self, change: Change) {
        Self::apply(&mut self.seen, &change, usize::MAX);
        self.unsynced.push(change);
    }

    fn crash(&mut self, loss: Loss) {
        let mut random = match loss {
            Loss::Torn(seed) => seed | 1,
            _ => 1,
        };
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for change in std::mem::take(&mut self.unsynced) {
            match loss {
                Loss::All => {}
                Loss::None => Self::apply(&mut self.synced, &change, usize::MAX),
                Loss::Torn(_) => match next() % 3 {
                    0 => {}
                    1 => Self::apply(&mut self.synced, &change, usize::MAX),
                    // Lengths are of whole sectors, and so are torn writes.
                    _ => Self::apply(&mut self.synced, &change, (next() % 16) as usize * 512),
                },
            }
        }
        self.seen = self.synced.clone();
    }
}

impl Disk {
    pub(crate) fn files(&self) -> [&Arc<Mutex<File>>; 4] {
        [&self.index, &self.log, &self.keys, &self.cells]
    }

    pub(crate) fn media(&self) -> Media {
        let medium = |file: &Arc<Mutex<File>>| -> Box<dyn Medium> {
            let is_index = Arc::ptr_eq(file, &self.index);
            Box::new(Handle { file: Arc::clone(file), faults: Arc::clone(&self.faults), is_index })
        };
        let [index, log, keys, cells] = self.files().map(medium);
        Media::new("a disk in memory", index, log, keys, cells)
    }

    /// Let the `n`-th operation from now on fail, and all after it.
    pub(crate) fn fail_at(&self, n: u64) {
        self.fail_from(n, u64::MAX);
    }

    /// The same, and all up to another one.
    pub(crate) fn fail_from(&self, n: u64, until: u64) {
        self.faults.operations.store(0, Ordering::SeqCst);
        self.faults.fail_until.store(until, Ordering::SeqCst);
        self.faults.fail_at.store(n, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.fail_at(0);
    }

    /// Begin something on a thread of its own, of which the `n`-th operation takes until it is
    /// [let go](Self::let_go); returns once it has come so far, or to its end.
    pub(crate) fn hold_at<T: Send + 'static>(
        &self,
        n: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        *self.faults.held.lock().unwrap() = Held::Next(self.operations() + n);
        let thread = std::thread::spawn(work);
        let mut held = self.faults.held.lock().unwrap();
        while *held != Held::Now && !thread.is_finished() {
            held = self.faults.changed.wait_timeout(held, Duration::from_millis(1)).unwrap().0;
        }
        if *held != Held::Now {
            // It had not so many, and nobody else is to be held in its place.
            *held = Held::None;
        }
        drop(held);
        thread
    }

    /// Let go of what is held, and wait until it is done.
    pub(crate) fn let_go<T>(&self, thread: JoinHandle<T>) -> T {
        self.go_on();
        thread.join().unwrap()
    }

    /// Let go of what is held.
    pub(crate) fn go_on(&self) {
        *self.faults.held.lock().unwrap() = Held::None;
        self.faults.changed.notify_all();
    }

    /// Hold the `n`-th operation on the index from now on, whoever does it.
    pub(crate) fn hold_index_at(&self, n: u64) {
        let so_far = self.faults.on_index.load(Ordering::SeqCst);
        *self.faults.held.lock().unwrap() = Held::OnIndex(so_far + n);
    }

    /// Whether something is held by now, or soon is.
    pub(crate) fn is_held(&self, patience: Duration) -> bool {
        let held = self.faults.held.lock().unwrap();
        let waits = |held: &mut Held| *held != Held::Now;
        *self.faults.changed.wait_timeout_while(held, patience, waits).unwrap().0 == Held::Now
    }

    /// From now on nothing may be written, or it may again.
    pub(crate) fn read_only(&self, is_read_only: bool) {
        self.faults.is_read_only.store(is_read_only, Ordering::SeqCst);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.faults.operations.load(Ordering::SeqCst)
    }

    /// The power fails; whoever has the disk open must have let go of it.
    pub(crate) fn crash(&self, loss: Loss) {
        self.files().into_iter().for_each(|file| file.lock().unwrap().crash(loss));
    }

    /// Another disk that is as this one is now, with what is not synced.
    pub(crate) fn fork(&self) -> Disk {
        let fork = |file: &Arc<Mutex<File>>| Arc::new(Mutex::new(file.lock().unwrap().clone()));
        let [index, log, keys, cells] = self.files().map(fork);
        Disk { index, log, keys, cells, faults: Arc::default() }
    }

    /// Another disk with what is on this one now.
    pub(crate) fn copy(&self) -> Disk {
        let copy = |file: &Arc<Mutex<File>>| {
            let seen = file.lock().unwrap().seen.clone();
            Arc::new(Mutex::new(File { synced: seen.clone(), seen, unsynced: Vec::new() }))
        };
        let [index, log, keys, cells] = self.files().map(copy);
        Disk { index, log, keys, cells, faults: Arc::default() }
    }
}

#[derive(Debug)]
struct Handle {
    file: Arc<Mutex<File>>,
    faults: Arc<Faults>,
    is_index: bool,
}

impl Handle {
    fn operate(&self, change: impl FnOnce(&mut File)) -> io::Result<()> {
        let mut number = self.faults.operations.fetch_add(1, Ordering::SeqCst) + 1;
        let on_index =
            self.is_index.then(|| self.faults.on_index.fetch_add(1, Ordering::SeqCst) + 1);
        let mut held = self.faults.held.lock().unwrap();
        if *held == Held::Next(number) || on_index.is_some_and(|n| *held == Held::OnIndex(n)) {
            *held = Held::Now;
            self.faults.changed.notify_all();
            while *held == Held::Now {
                held = self.faults.changed.wait(held).unwrap();
            }
            // It fails where others did meanwhile, and is the first to where that was asked for.
            number = self.faults.operations.fetch_add(1, Ordering::SeqCst) + 1;
        }
        drop(held);
        let fail_at = self.faults.fail_at.load(Ordering::SeqCst);
        if self.faults.is_read_only.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "permission denied"));
        }
        let fail_until = self.faults.fail_until.load(Ordering::SeqCst);
        if fail_at > 0 && (fail_at..=fail_until).contains(&number) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left"));
        }
        change(&mut self.file.lock().unwrap());
        Ok(())
    }
}

impl Medium for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let file = self.file.lock().unwrap();
        let bytes = file.seen.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.operate(|file| file.change(Change::Length(len as usize)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operate(|file| {
            file.unsynced.clear();
            file.synced = file.seen.clone();
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.operate(|file| file.change(Change::Bytes(offset as usize, data.to_vec())))
    }
}
