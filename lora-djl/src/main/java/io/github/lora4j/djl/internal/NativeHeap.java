package io.github.lora4j.djl.internal;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import org.jspecify.annotations.Nullable;

/**
 * The C library's heap, which libtorch's arrays on the CPU come from. glibc keeps what is freed for
 * the next request, scattered over arenas, where the one large chunk of the loss cannot use it. DJL
 * brings JNA for calls like this one.
 */
public final class NativeHeap {

  private static final @Nullable Function TRIM = trimOf("c");

  private NativeHeap() {}

  private static @Nullable Function trimOf(String library) {
    try {
      return NativeLibrary.getInstance(library).getFunction("malloc_trim");
    } catch (UnsatisfiedLinkError e) {
      return null; // only glibc has it; others give memory back by themselves
    }
  }

  /** Gives free pages back to the system: some milliseconds, and the pages' first touch anew. */
  public static void trim() {
    if (TRIM != null) {
      TRIM.invokeInt(new Object[] {0L});
    }
  }
}
