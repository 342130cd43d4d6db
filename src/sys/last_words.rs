//! What is written to standard output when a signal ends the process.

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Signals by which other processes end this one.
const ENDING: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGALRM,
    Signal::SIGXCPU,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];
/// Signals by which the process ends itself, through a bug.
const CRASHES: [Signal; 6] = [
    Signal::SIGABRT,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGSYS,
];
/// The stack of the handler: that of the process may be what overflowed.
const STACK: usize = 16 << 10;

/// What is written.
pub(crate) struct LastWords {
    /// When another process ended this one.
    pub(crate) ended: Vec<u8>,
    /// When a bug did.
    pub(crate) crashed: Vec<u8>,
}

static LAST_WORDS: AtomicPtr<LastWords> = AtomicPtr::new(ptr::null_mut());

/// Has this written from now on at each signal that would end the process, which then exits with 1. Earlier words are
/// never freed: a handler may be reading them.
pub(crate) fn set(words: LastWords) {
    let is_first = LAST_WORDS.swap(Box::into_raw(Box::new(words)), Ordering::SeqCst);
    if !is_first.is_null() {
        return;
    }
    let stack = libc::stack_t {
        ss_sp: Box::into_raw(vec![0_u8; STACK].into_boxed_slice()).cast(),
        ss_flags: 0,
        ss_size: STACK,
    };
    // SAFETY: the stack is never freed.
    unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
    let handler = SigHandler::Handler(answer);
    let action = SigAction::new(handler, SaFlags::SA_ONSTACK, SigSet::all());
    for signal in ENDING.into_iter().chain(CRASHES) {
        // SAFETY: the handler makes two system calls and touches nothing but an atomic pointer to what is never freed.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// From now on the process ends without these words: it is about to write its own, and no signal but a crash interrupts that.
pub(crate) fn clear() {
    let mut ending = SigSet::empty();
    for signal in ENDING {
        ending.add(signal);
    }
    // Blocking fails for no valid set.
    let _ = ending.thread_block();
    LAST_WORDS.store(ptr::null_mut(), Ordering::SeqCst);
}

extern "C" fn answer(signal: c_int) {
    let words = LAST_WORDS.swap(ptr::null_mut(), Ordering::SeqCst);
    // SAFETY: null, or never freed.
    if let Some(words) = unsafe { words.as_ref() } {
        let text = if CRASHES.iter().any(|&crash| crash as c_int == signal) {
            &words.crashed
        } else {
            &words.ended
        };
        // SAFETY: pointer and length are those of the text.
        unsafe { libc::write(libc::STDOUT_FILENO, text.as_ptr().cast(), text.len()) };
    }
    // SAFETY: ends the process without running anything else of it.
    unsafe { libc::_exit(1) };
}
