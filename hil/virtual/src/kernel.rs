//! Takes the kernel proper out of its boot image.
//!
//! A boot image unpacks itself at every boot, over memory that the last boot ran from. QEMU's
//! software emulation checks each such write against the code it translated from there, which
//! made a boot after a reset last up to eleven seconds instead of three. The kernel proper is
//! copied into place by QEMU itself, at once. It is entered by the PVH protocol, which Debian's
//! cloud kernels have.

/// Returns the ELF kernel in an x86 boot image; `None` if it is not one or not packed with LZ4,
/// and then the boot image itself boots too.
///
/// The offsets are those of the kernel's `Documentation/arch/x86/boot.rst`.
pub(crate) fn unpacked(boot_image: &[u8]) -> Option<Vec<u8>> {
    if boot_image.get(MAGIC_OFFSET..)?.starts_with(b"HdrS") {
        let setup_sectors = usize::from(*boot_image.get(SETUP_SECTORS_OFFSET)?);
        let protected_mode = boot_image.get((setup_sectors + 1) * SECTOR_BYTES..)?;
        let payload = protected_mode.get(length_at(boot_image, PAYLOAD_OFFSET_OFFSET)?..)?;
        unpacked_payload(payload.get(..length_at(boot_image, PAYLOAD_LENGTH_OFFSET)?)?)
    } else {
        None
    }
}

/// Unpacks the kernel's use of LZ4: the legacy frame, blocks after their lengths, and at the end
/// the length of the whole.
fn unpacked_payload(payload: &[u8]) -> Option<Vec<u8>> {
    let (mut blocks, whole) = payload
        .strip_prefix(&LZ4_LEGACY_MAGIC)?
        .split_last_chunk()?;
    let mut kernel = Vec::new();
    while let Some((length, rest)) = blocks.split_first_chunk() {
        let (block, rest) = rest.split_at_checked(number(*length)?)?;
        kernel.extend(lz4_flex::block::decompress(block, BLOCK_BYTES).ok()?);
        blocks = rest;
    }
    (kernel.len() == number(*whole)? && kernel.starts_with(b"\x7fELF")).then_some(kernel)
}

fn length_at(bytes: &[u8], offset: usize) -> Option<usize> {
    number(*bytes.get(offset..)?.first_chunk()?)
}

fn number(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

const SETUP_SECTORS_OFFSET: usize = 0x1f1;
const MAGIC_OFFSET: usize = 0x202;
const PAYLOAD_OFFSET_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH_OFFSET: usize = 0x24c;
const SECTOR_BYTES: usize = 512;

const LZ4_LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// What a block of the legacy frame unpacks to at most.
const BLOCK_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two LZ4 blocks of literals only, and the length of what they hold.
    const PAYLOAD: &[u8] = b"\x02\x21\x4c\x18\
        \x05\0\0\0\x40\x7fELF\
        \x03\0\0\0\x20hi\
        \x06\0\0\0";

    /// A boot image with one setup sector, and `payload` eight bytes into what follows it.
    fn boot_image(payload: &[u8], length: u8) -> Vec<u8> {
        let mut image = vec![0; 2 * SECTOR_BYTES + 8];
        image[SETUP_SECTORS_OFFSET] = 1;
        image[MAGIC_OFFSET..][..4].copy_from_slice(b"HdrS");
        image[PAYLOAD_OFFSET_OFFSET] = 8;
        image[PAYLOAD_LENGTH_OFFSET] = length;
        image.extend(payload);
        image
    }

    #[track_caller]
    fn check(image: &[u8], expected: Option<&[u8]>) {
        assert_eq!(unpacked(image).as_deref(), expected, "in {image:x?}");
    }

    #[test]
    fn the_kernel_is_what_the_blocks_hold() {
        check(&boot_image(PAYLOAD, 24), Some(b"\x7fELFhi"));
    }

    #[test]
    fn what_is_not_a_whole_lz4_kernel_is_left_as_it_is() {
        check(b"", None);
        check(&[0; 4096], None);
        check(&boot_image(b"\x1f\x8bgzip", 6), None);
        for length in 0..24 {
            check(&boot_image(PAYLOAD, length), None);
        }
        check(&boot_image(&PAYLOAD[..23], 24), None);
    }
}
