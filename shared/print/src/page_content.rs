//! The content of a page as one stream: as it is where it is one, and otherwise joined and packed anew.

use std::io::{self, Write as _};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use lopdf::{Dictionary, Document, Object, Stream};

use crate::document::{Page, bytes_of, contents, decode, entry};

/// The content of a page as it can be put into a form of its own.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Blank,
    /// One stream, to be copied as it is.
    Raw(&'a Stream),
    /// The content of several streams, packed in one: without filters a small document could be a thousand times as large.
    Joined {
        packed: Vec<u8>,
        /// Bytes without the filter.
        length: u64,
    },
}

/// Joins the content of pages that have it in several streams. What it works with is taken over from one page to the next: to
/// make it anew takes longer than to unpack and to pack most pages.
#[derive(Debug)]
pub(crate) struct Packer {
    inflater: Decompress,
    unpacked: Vec<u8>,
    spare: Option<ZlibEncoder<Vec<u8>>>,
}

/// What nothing that is held in memory ever says.
const CANNOT_PACK: &str = "the content of a page cannot be packed";

impl Packer {
    /// How many bytes it keeps room for.
    const ROOM: usize = 1 << 20;

    pub(crate) fn new() -> Self {
        Packer { inflater: Decompress::new(true), unpacked: Vec::new(), spare: None }
    }

    /// Starts a content.
    fn start(&mut self) -> ZlibEncoder<Vec<u8>> {
        self.spare.take().unwrap_or_else(|| ZlibEncoder::new(Vec::new(), Compression::fast()))
    }

    /// What a stream of these bytes holds, if its filter is the usual one, nothing is wrong with it, and it is no more than
    /// `limit` bytes.
    pub(crate) fn unpack(&mut self, dictionary: &Dictionary, bytes: &[u8], limit: u64) -> Option<&[u8]> {
        let usual = matches!(entry(dictionary, b"Filter"), Some(Object::Name(name)) if name == b"FlateDecode");
        if !usual || dictionary.has(b"DecodeParms") {
            return None;
        }
        if self.unpacked.capacity() > Self::ROOM {
            self.unpacked = Vec::new();
        }
        self.unpacked.clear();
        self.inflater.reset(true);
        loop {
            if self.unpacked.len() as u64 > limit {
                return None;
            }
            self.unpacked.reserve((4 * bytes.len()).clamp(256, Self::ROOM));
            let rest = bytes.get(self.inflater.total_in() as usize..)?;
            let before = self.unpacked.len();
            match self.inflater.decompress_vec(rest, &mut self.unpacked, FlushDecompress::None).ok()? {
                Status::StreamEnd => {
                    return Some(&self.unpacked).filter(|all| all.len() as u64 <= limit).map(Vec::as_slice);
                }
                // All that there is does not suffice.
                _ if self.unpacked.len() == before => return None,
                _ => {}
            }
        }
    }

    /// Ends a content, and gives it packed with its length without the filter.
    fn finish(&mut self, mut encoder: ZlibEncoder<Vec<u8>>) -> io::Result<(Vec<u8>, u64)> {
        let length = encoder.total_in();
        let packed = encoder.reset(Vec::new())?;
        self.spare = Some(encoder);
        Ok((packed, length))
    }
}

/// The content of a page, at most `limit` bytes of it if it has to be decompressed, or what is wrong with it. `file` is what
/// the document was read from.
pub(crate) fn content<'a>(
    document: &'a Document,
    file: &[u8],
    page: &Page<'a>,
    limit: u64,
    packer: &mut Packer,
) -> Result<Content<'a>, &'static str> {
    let streams = contents(document, page).ok_or("the content of a page is missing")?;
    Ok(match streams[..] {
        [] => Content::Blank,
        [only] => Content::Raw(only),
        _ => {
            // The pieces are one content that may be cut at any token, so they cannot be forms of their own.
            let mut left = limit;
            let mut joined = packer.start();
            for stream in streams {
                let bytes = bytes_of(file, stream);
                let decoded;
                let unpacked = match packer.unpack(&stream.dict, bytes, left) {
                    Some(unpacked) => unpacked,
                    None => {
                        let whole = Stream::new(stream.dict.clone(), bytes.to_vec());
                        decoded = decode(document, &whole, left)
                            .map_err(|_| "the content of a page cannot be decompressed")?;
                        &decoded
                    }
                };
                left = left.saturating_sub(unpacked.len() as u64 + 1);
                let packed = joined.write_all(unpacked).and_then(|()| joined.write_all(b"\n"));
                packed.map_err(|_| CANNOT_PACK)?;
            }
            let (packed, length) = packer.finish(joined).map_err(|_| CANNOT_PACK)?;
            Content::Joined { packed, length }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::pages;
    use lopdf::dictionary;

    /// A document of one page, whose content is these streams.
    fn document(parts: Vec<Stream>) -> Document {
        let mut document = Document::with_version("1.5");
        let parts: Vec<Object> = parts.into_iter().map(|part| document.add_object(part).into()).collect();
        let page = document.add_object(dictionary! { "Type" => "Page", "Contents" => parts });
        let tree = document.add_object(dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 });
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
        document.trailer.set("Root", catalog);
        document
    }

    /// The content of the page, packed and how long it is unpacked.
    fn joined(document: &Document, limit: u64, packer: &mut Packer) -> Result<(Vec<u8>, u64), &'static str> {
        let pages = pages(document, 1).unwrap();
        match content(document, b"", &pages[0], limit, packer)? {
            Content::Joined { packed, length } => Ok((packed, length)),
            content => panic!("{content:?}"),
        }
    }

    fn packed(bytes: &[u8]) -> Stream {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        Stream::new(dictionary! { "Filter" => "FlateDecode" }, encoder.finish().unwrap())
    }

    #[test]
    fn content_that_is_joined_is_held_packed() {
        let part = packed(&vec![b' '; 4 << 20]);
        let document = document(vec![part.clone(), part.clone(), part]);
        let mut packer = Packer::new();
        let (first, length) = joined(&document, 16 << 20, &mut packer).unwrap();
        assert_eq!(length, 3 * ((4 << 20) + 1));
        assert!(first.len() < 200_000, "{}", first.len());
        assert!(joined(&document, 8 << 20, &mut packer).is_err(), "more than the limit when it is unpacked");
        for _ in 0..2 {
            let (again, _) = joined(&document, 16 << 20, &mut packer).unwrap();
            assert_eq!(again, first, "what came before leaves no trace");
        }
    }

    #[test]
    fn what_is_unpacked_here_is_what_the_parser_unpacks() {
        let text: Vec<u8> = (0..40_000u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let whole = packed(&text);
        let with = |change: fn(&mut Stream)| {
            let mut stream = whole.clone();
            change(&mut stream);
            stream
        };
        let streams = [
            whole.clone(),
            packed(b""),
            with(|stream| stream.content.extend_from_slice(b"\r\n and more")),
            with(|stream| stream.content.truncate(2_000)),
            with(|stream| stream.content[3_000] ^= 0xff),
            with(|stream| stream.content.clear()),
        ];
        let mut packer = Packer::new();
        for (number, stream) in streams.iter().enumerate() {
            for limit in [0, 1, text.len() as u64 - 1, text.len() as u64, 1 << 20] {
                let theirs = decode(&Document::new(), stream, limit);
                match packer.unpack(&stream.dict, &stream.content, limit) {
                    Some(ours) => assert!(theirs.is_ok_and(|theirs| theirs == ours), "{number} {limit}"),
                    // Then theirs is taken.
                    None => assert!(number > 1 || theirs.is_err(), "{number} {limit}"),
                }
            }
        }
        let predicted = Stream::new(
            dictionary! { "Filter" => "FlateDecode", "DecodeParms" => dictionary! { "Predictor" => 12 } },
            whole.content,
        );
        assert_eq!(packer.unpack(&predicted.dict, &predicted.content, 1 << 20), None);
    }
}
