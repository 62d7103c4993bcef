//! A look through all of the guest's own memory, also at what was freed.

/// How often these bytes, each of them raised by one, are there. Raised, so that looking for them does not put them there.
pub fn count(raised: &[u8]) -> usize {
    if raised.is_empty() {
        return 0;
    }
    let size = core::arch::wasm32::memory_size(0) << 16;
    let is = |at: usize, raised: u8| {
        // SAFETY: every address below the size of the memory can be read, and nothing else runs.
        let byte = unsafe { core::ptr::with_exposed_provenance::<u8>(at).read_volatile() };
        byte.wrapping_add(1) == raised
    };
    // Address 0 can't be read by way of a pointer.
    (1..size.saturating_sub(raised.len()))
        .filter(|at| raised.iter().enumerate().all(|(offset, raised)| is(at + offset, *raised)))
        .count()
}
