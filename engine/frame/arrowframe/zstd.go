package arrowframe

import "github.com/klauspost/compress/zstd"

// What blocks of zstd (RFC 8878) have in front, what one of a repeated byte has behind that, and what a frame may have behind its blocks.
const (
	blockHeader   = 3
	blockRepeated = 1
	frameChecksum = 4
)

// windowsWithin reports whether no frame of zstd asks for a window, or says that it has content, of more bytes: a decoder makes room for both before it
// reads anything, however little the frame holds. What is no frame is left to the decoder.
func windowsWithin(data []byte, most uint64) bool {
	for len(data) > 0 {
		var h zstd.Header
		rest, err := h.DecodeAndStrip(data)
		switch {
		case err != nil:
			return true
		case h.Skippable:
			data = rest[min(uint64(h.SkippableSize), uint64(len(rest))):]
			continue
		case h.WindowSize > most, h.HasFCS && h.FrameContentSize > most:
			return false
		}
		data = afterBlocks(rest, h.HasCheckSum)
	}
	return true
}

// afterBlocks returns what follows the blocks of a frame; nothing where it is cut off.
func afterBlocks(data []byte, checksum bool) []byte {
	for last := false; !last; {
		if len(data) < blockHeader {
			return nil
		}
		header := int(data[0]) | int(data[1])<<8 | int(data[2])<<16
		last = header&1 != 0
		size := header >> 3
		if header>>1&3 == 1 {
			size = blockRepeated
		}
		data = data[min(blockHeader+size, len(data)):]
	}
	if checksum {
		data = data[min(frameChecksum, len(data)):]
	}
	return data
}
