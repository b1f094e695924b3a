use std::alloc::{GlobalAlloc, Layout};

/// A global allocator whose pieces of 64 KiB and more lie in a file while a [`Limit`](crate::Limit) is set.
///
/// All others are those of the allocator that it is over, and so are all pieces where no limit is set; then it costs a comparison of two
/// numbers for each piece.
#[derive(Debug)]
pub struct Spilling<A>(A);

impl<A> Spilling<A> {
    /// An allocator over `inner`.
    pub const fn over(inner: A) -> Self {
        Self(inner)
    }
}

// SAFETY: a piece comes from the region or from `A`, and goes back to where it came from, which its address tells. Both keep
// what the trait asks of one piece; a piece that moves from one to the other is copied as far as both reach.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
unsafe impl<A: GlobalAlloc> GlobalAlloc for Spilling<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match crate::region::take(layout) {
            Some(place) => place,
            // SAFETY: what the caller has to keep is what `A` asks for.
            None => unsafe { self.0.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match crate::region::take(layout) {
            // What was never written to a file is zero.
            Some(place) => place,
            // SAFETY: as above.
            None => unsafe { self.0.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if !crate::region::give(place, layout.size()) {
            // SAFETY: what is not of the region is of `A`.
            unsafe { self.0.dealloc(place, layout) }
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let is_of_region = crate::region::has(place, layout.size());
        if !is_of_region && !crate::region::wants(size) {
            // SAFETY: what is not of the region is of `A`.
            return unsafe { self.0.realloc(place, layout, size) };
        }
        if is_of_region && crate::region::resize(place, layout.size(), size) {
            return place;
        }
        // SAFETY: the caller says that `size`, rounded up to the alignment, is no overflow; the new piece is another one than
        // the old one, which is let go of once it was copied.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(place, layout.size().min(size));
                self.dealloc(place, layout);
            }
            new
        }
    }
}

// SAFETY: all is as `A` does it.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
unsafe impl<A: GlobalAlloc> GlobalAlloc for Spilling<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller has to keep is what `A` asks for; so it is with the others.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.0.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.realloc(place, layout, size) }
    }
}
