//! The UART as `menu` wants it: a line feed becomes what terminals expect, and the job is looked
//! after while nobody types.

use crate::job::Job;
use crate::uart::Uart;
use core::convert::Infallible;
use embedded_io_06::{ErrorType, Read, Write};

/// A UART with a job.
pub struct Terminal {
    uart: Uart,
    /// What the power commands work on.
    pub job: Job,
}

impl Terminal {
    /// The terminal, nothing staged.
    #[must_use]
    pub fn new(uart: Uart) -> Self {
        let job = Job::default();
        Self { uart, job }
    }

    /// Waits for the next byte; resets the board if that is due meanwhile.
    pub fn read_byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.uart.try_read() {
                return byte;
            }
            self.job.poll(&mut self.uart);
        }
    }
}

impl ErrorType for Terminal {
    type Error = Infallible;
}

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = buffer.first_mut() else {
            return Ok(0);
        };
        *first = self.read_byte();
        Ok(1)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            if *byte == b'\n' {
                self.uart.write_byte(b'\r');
            }
            self.uart.write_byte(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        self.uart.flush_bytes();
        Ok(())
    }
}
