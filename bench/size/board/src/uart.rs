//! The UART, polled, through the traits of `embedded-io`.

use crate::registers;
use core::convert::Infallible;

/// The board's one serial line. Copies of it are the same line.
#[derive(Clone, Copy)]
pub struct Uart(());

impl Uart {
    /// The UART, ready.
    #[must_use]
    pub fn new() -> Self {
        registers::enable_uart();
        Self(())
    }

    /// The next byte, if there is one.
    pub fn try_read(&mut self) -> Option<u8> {
        registers::is_received().then(registers::receive)
    }

    /// Waits for the next byte.
    pub fn read_byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.try_read() {
                return byte;
            }
        }
    }

    /// Whether the transmitter takes nothing now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        registers::is_transmit_full()
    }

    /// Waits for room and writes one byte.
    pub fn write_byte(&mut self, byte: u8) {
        while registers::is_transmit_full() {}
        registers::transmit(byte);
    }

    /// Waits until the last byte is in the transmitter. It may not have left: that is up to whoever
    /// resets a board.
    pub fn flush_bytes(&mut self) {
        while registers::is_transmit_full() {}
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> usize {
        let Some(first) = buffer.first_mut() else {
            return 0;
        };
        *first = self.read_byte();
        1
    }

    fn write_all_bytes(&mut self, bytes: &[u8]) -> usize {
        for byte in bytes {
            self.write_byte(*byte);
        }
        bytes.len()
    }
}

impl Default for Uart {
    fn default() -> Self {
        Self::new()
    }
}

impl embedded_io::ErrorType for Uart {
    type Error = Infallible;
}

impl embedded_io::Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.read_some(buffer))
    }
}

impl embedded_io::ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(registers::is_received())
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.write_all_bytes(bytes))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.flush_bytes();
        Ok(())
    }
}

impl embedded_io::WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!registers::is_transmit_full())
    }
}

impl embedded_io_06::ErrorType for Uart {
    type Error = Infallible;
}

impl embedded_io_06::Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.read_some(buffer))
    }
}

impl embedded_io_06::Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.write_all_bytes(bytes))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.flush_bytes();
        Ok(())
    }
}

impl embedded_io_async_06::Read for Uart {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.read_some(buffer))
    }
}

impl embedded_io_async_06::Write for Uart {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.write_all_bytes(bytes))
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        self.flush_bytes();
        Ok(())
    }
}
