use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use crate::region;

pub struct Limit { done: Arc<AtomicBool> }
pub static EVICTED: AtomicU64 = AtomicU64::new(0);

pub fn limit(bytes: u64) -> io::Result<Limit> {
    region::open()?;
    region::set_least(true);
    let done = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&done);
    let statm = File::open("/proc/self/statm")?;
    thread::Builder::new().name("cdm-memory".into()).spawn(move || {
        let margin = bytes / 8;
        
        sharp();
        let mut most = 0; let mut hand = 0; let mut shown = std::time::Instant::now(); let mut last = std::time::Instant::now(); let mut begun = std::time::Instant::now();
        while !ends.load(Ordering::Relaxed) {
            let mut rss = resident(&statm);
            if rss > bytes && rss > most + (20 << 20) { eprintln!("{:.1} s: rss {} shared {} gap {:?}", begun.elapsed().as_secs_f64(), rss >> 20, shared(&statm) >> 20, last.elapsed()); }
            most = most.max(rss);
            let before = std::time::Instant::now(); let was = last;
            if rss + margin > bytes {
                let all = { region::evict(); 1 }; rss = resident(&statm);
                if before.elapsed().as_millis() > 10 { eprintln!("{:.1} s: evicted {} in {:?}", begun.elapsed().as_secs_f64(), all, before.elapsed()); }
                EVICTED.fetch_add(all as u64, Ordering::Relaxed);
            }
            last = std::time::Instant::now();
            if shown.elapsed().as_secs() >= 4 { shown = std::time::Instant::now(); let t: Vec<String> = crate::LIVE.iter().enumerate().map(|(i,c)| (i, c.load(Ordering::Relaxed))).filter(|(_,b)| *b > 1<<20).map(|(i,b)| format!("<{}K:{}", (1usize<<i)>>10, b>>20)).collect(); eprintln!("{:.0} s anon {} {}", begun.elapsed().as_secs_f64(), (resident(&statm)-shared(&statm))>>20, t.join(" ")); }
            let free = bytes.saturating_sub(margin + rss);
            thread::sleep(Duration::from_micros((free >> 17).clamp(100, 10_000)));
        }
        eprintln!("watched most {} MiB, evicted {} MiB", most >> 20, EVICTED.load(Ordering::Relaxed));
    })?;
    Ok(Limit { done })
}
fn resident(statm: &File) -> u64 {
    let mut text = [0; 128];
    let read = statm.read_at(&mut text, 0).unwrap_or(0);
    let text = std::str::from_utf8(&text[..read]).unwrap_or("");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
impl Drop for Limit {
    fn drop(&mut self) { region::set_least(false); self.done.store(true, Ordering::Relaxed); }
}

fn shared(statm: &File) -> u64 {
    let mut text = [0; 128];
    let read = statm.read_at(&mut text, 0).unwrap_or(0);
    let text = std::str::from_utf8(&text[..read]).unwrap_or("");
    text.split(' ').nth(2).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn sharp() {
    #[repr(C)]
    struct Attr { size: u32, policy: u32, flags: u64, nice: i32, prio: u32, runtime: u64, deadline: u64, period: u64, a: u32, b: u32 }
    let attr = Attr { size: 56, policy: 0, flags: 0, nice: 0, prio: 0, runtime: 100_000, deadline: 0, period: 0, a: 0, b: 0 };
    let r = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &attr, 0) };
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1000) };
    eprintln!("setattr {r}");
}
