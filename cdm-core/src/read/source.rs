//! Bytes in: opening, telling what they are, decoding to UTF-8, and handing out records of
//! bounded length.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{Input, Origin};
use crate::error::{Error, Result};

/// How much is looked at to tell encoding, delimiter and format.
pub(super) const SAMPLE_BYTES: usize = 256 * 1024;
const CHUNK: usize = 64 * 1024;

/// The first bytes of an input, at most [`SAMPLE_BYTES`], and whether they are all of it.
pub(super) fn head(input: &Input) -> Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let mut reader = open(&input.origin)?.take(SAMPLE_BYTES as u64 + 1);
    reader.read_to_end(&mut bytes).map_err(|source| read_error(&input.origin, source))?;
    let whole = bytes.len() <= SAMPLE_BYTES;
    bytes.truncate(SAMPLE_BYTES);
    Ok((bytes, whole))
}

/// How many bytes an input has; 0 where that is not known.
pub(super) fn size(origin: &Origin) -> u64 {
    match origin {
        Origin::Path(path) => path.metadata().map(|meta| meta.len()).unwrap_or(0),
        Origin::Bytes { bytes, .. } => bytes.len() as u64,
        #[cfg(feature = "arrow")]
        Origin::Batches { batches, .. } => {
            batches.iter().map(|batch| batch.get_array_memory_size() as u64).sum()
        }
    }
}

fn open(origin: &Origin) -> Result<Box<dyn Read + '_>> {
    match origin {
        Origin::Path(path) => match open_file(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(source) => Err(Error::ReadFile { path: path.clone(), source }),
        },
        Origin::Bytes { bytes, .. } => Ok(Box::new(&bytes[..])),
        // Batches are not read as bytes.
        #[cfg(feature = "arrow")]
        Origin::Batches { .. } => Ok(Box::new(io::empty())),
    }
}

/// A file that gives the same bytes each time it is opened. A pipe would not, and is opened several
/// times: what was looked at to tell the format would be missing from the records.
fn open_file(path: &Path) -> io::Result<File> {
    let kind = path.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::other("it is a folder, and a file is wanted"));
    }
    if !kind.is_file() {
        return Err(io::Error::other(
            "it is a pipe or a device, which cannot be read twice; save it to a file first",
        ));
    }
    File::open(path)
}

fn read_error(origin: &Origin, source: io::Error) -> Error {
    let path = match origin {
        Origin::Path(path) => path.clone(),
        _ => PathBuf::from(origin.name()),
    };
    Error::ReadFile { path, source }
}

/// How the bytes of a text file are to be read.
#[derive(Clone, Copy)]
pub(super) struct Decoding {
    pub(super) encoding: &'static Encoding,
    /// Whether records are cut out of the bytes as they are and decoded one by one; otherwise
    /// the whole stream is decoded first, as for UTF-16, in which a line break is two bytes.
    per_record: bool,
}

impl Decoding {
    /// Tell the encoding from a byte order mark, from the label that the caller gave, or from the
    /// bytes themselves.
    pub(super) fn detect(head: &[u8], whole: bool, label: Option<&str>) -> Result<Self> {
        if let Some((encoding, _)) = Encoding::for_bom(head) {
            return Ok(Self::of(encoding));
        }
        if let Some(label) = label {
            let known = Encoding::for_label(label.as_bytes());
            return known.map(Self::of).ok_or_else(|| Error::UnknownChoice {
                what: "text encoding",
                value: label.to_owned(),
                suggestion: None,
                wanted: "a WHATWG label, such as utf-8, windows-1252, shift_jis or utf-16le".into(),
            });
        }
        // UTF-16 without a mark: every other byte of Western text is zero.
        let zeros = |parity: usize| {
            let half = head.iter().skip(parity).step_by(2);
            half.filter(|byte| **byte == 0).count()
        };
        let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
        if half >= 8 && odd * 3 > half && even * 20 < half {
            return Ok(Self::of(UTF_16LE));
        }
        if half >= 8 && even * 3 > half && odd * 20 < half {
            return Ok(Self::of(UTF_16BE));
        }
        Ok(match std::str::from_utf8(head) {
            Ok(_) => Self::of(UTF_8),
            // A character cut in two by the end of the sample is no error.
            Err(error) if error.error_len().is_none() && !whole => Self::of(UTF_8),
            Err(_) => Self::of(WINDOWS_1252),
        })
    }

    fn of(encoding: &'static Encoding) -> Self {
        Self { encoding, per_record: encoding == UTF_8 || encoding == WINDOWS_1252 }
    }

    /// The text of one record, and whether it had to be read in another way than the file's.
    pub(super) fn text(self, record: &[u8]) -> (Cow<'_, str>, bool) {
        match std::str::from_utf8(record) {
            Ok(text) => (Cow::Borrowed(text), !self.per_record && text.contains('\u{fffd}')),
            Err(_) => {
                let (text, _) = WINDOWS_1252.decode_without_bom_handling(record);
                (text, self.encoding == UTF_8)
            }
        }
    }
}

/// What is wrong with bytes that should be text, where something is.
pub(super) fn why_not_text(head: &[u8], decoding: Decoding) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "it is a ZIP archive or a spreadsheet; save it as CSV first"),
        (b"\xd0\xcf\x11\xe0", "it is an old spreadsheet; save it as CSV first"),
        (b"\x1f\x8b", "it is compressed with gzip; decompress it first"),
        (b"\x28\xb5\x2f\xfd", "it is compressed with zstd; decompress it first"),
        (b"BZh", "it is compressed with bzip2; decompress it first"),
        (b"\xfd7zXZ", "it is compressed with xz; decompress it first"),
        (b"PAR1", "it is a Parquet file"),
        (b"ARROW1", "it is an Arrow file"),
        (b"SQLite format 3", "it is an SQLite database"),
        (b"%PDF-", "it is a PDF document"),
    ];
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    if !decoding.per_record {
        return None;
    }
    let control = |byte: &&u8| matches!(byte, 0..=8 | 0x0e..=0x19 | 0x1b..=0x1f | 0x7f);
    let controls = head.iter().filter(control).count();
    // Some stray NULs are a blemish of a text file; one byte in fifty is another kind of file.
    (controls > 3 && controls * 50 > head.len()).then_some("it holds binary data, not text")
}

/// Whole records cut out of a stream, with never more than one record and one chunk in memory.
pub(super) struct Buffer<'a> {
    reader: Box<dyn Read + 'a>,
    origin: &'a Origin,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    raw_bytes: Rc<Cell<u64>>,
    limit: usize,
    format: &'static str,
    /// The line on which the next record starts, from 1.
    pub(super) line: u64,
}

impl<'a> Buffer<'a> {
    pub(super) fn open(
        input: &'a Input,
        decoding: Decoding,
        limit: usize,
        format: &'static str,
    ) -> Result<Self> {
        let raw_bytes = Rc::new(Cell::new(0));
        let counted = Counted { inner: open(&input.origin)?, count: Rc::clone(&raw_bytes) };
        let reader: Box<dyn Read + 'a> = if decoding.per_record {
            Box::new(counted)
        } else {
            Box::new(Transcoder::new(counted, decoding.encoding))
        };
        let mut buffer = Self {
            reader,
            origin: &input.origin,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            at_end: false,
            raw_bytes,
            limit,
            format,
            line: 1,
        };
        while buffer.len() < 3 && buffer.fill()? {}
        if buffer.get().starts_with(b"\xef\xbb\xbf") {
            buffer.start += 3;
        }
        Ok(buffer)
    }

    /// What is at hand of the stream from the start of the next record.
    pub(super) fn get(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Read more behind what is at hand; false at the end of the stream.
    pub(super) fn fill(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.len() > self.limit {
            return Err(self.too_long());
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < self.end + CHUNK {
            // Doubling, so that a long record is not copied once a chunk.
            let doubled = (self.bytes.len() * 2).min(self.limit.saturating_add(2 * CHUNK));
            self.bytes.resize(doubled.max(self.end + CHUNK), 0);
        }
        loop {
            match self.reader.read(&mut self.bytes[self.end..self.end + CHUNK]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(self.origin, error)),
            }
        }
    }

    /// Refuse a record that is `length` bytes long, where that is too much.
    pub(super) fn check_length(&self, length: usize) -> Result<()> {
        if length > self.limit { Err(self.too_long()) } else { Ok(()) }
    }

    fn too_long(&self) -> Error {
        Error::RecordTooLong {
            name: self.origin.name(),
            line: self.line,
            limit_bytes: self.limit,
            format: self.format,
        }
    }

    /// Go on behind the next `length` bytes.
    pub(super) fn consume(&mut self, length: usize) {
        let taken = &self.bytes[self.start..self.start + length];
        self.line += count_lines(taken);
        self.start += length;
    }

    /// How many bytes of the input were read so far, before decoding.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes.get()
    }
}

/// Line breaks in `bytes`: `\n`, `\r\n` and a `\r` alone are one each.
///
/// A piece that ends between `\r` and `\n` counts the break twice; pieces are records, which do not.
fn count_lines(bytes: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let lone = memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n'));
    (feeds + lone.count()) as u64
}

struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// Any encoding in, UTF-8 out; what cannot be decoded comes out as U+FFFD.
struct Transcoder<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    /// The input has ended.
    drained: bool,
    /// The decoder has said its last; it must not be asked again.
    finished: bool,
}

impl<R: Read> Transcoder<R> {
    fn new(inner: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self {
            inner,
            decoder,
            raw: vec![0; CHUNK],
            start: 0,
            end: 0,
            drained: false,
            finished: false,
        }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
        let mut written = 0;
        // A decoder needs room for its longest character, and a replacement needs three bytes.
        while !self.finished && out.len() - written >= 16 {
            if self.start == self.end && !self.drained {
                if written > 0 {
                    break;
                }
                self.start = 0;
                self.end = self.inner.read(&mut self.raw)?;
                self.drained = self.end == 0;
            }
            let room = out.len() - REPLACEMENT.len();
            let (result, read, wrote) = self.decoder.decode_to_utf8_without_replacement(
                &self.raw[self.start..self.end],
                &mut out[written..room],
                self.drained,
            );
            self.start += read;
            written += wrote;
            match result {
                DecoderResult::InputEmpty => self.finished = self.drained,
                DecoderResult::OutputFull => break,
                DecoderResult::Malformed(..) => {
                    out[written..written + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
                    written += REPLACEMENT.len();
                }
            }
        }
        Ok(written)
    }
}
