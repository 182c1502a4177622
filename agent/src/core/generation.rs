//! Generations on the board, decided without a disk or a process: which are taken in ([`intake`]), what a boot makes of a rollout that an earlier
//! life has left ([`recovery`]), how one is carried out ([`activation`]) and when it is kept ([`soak`]).

pub mod intake;

pub mod recorded_step;

pub mod rollout_record;

pub mod rollout_run;

pub mod rollout_ledger;

pub mod rollout_log;

pub mod recovery;

pub mod activation;

pub mod soak;
