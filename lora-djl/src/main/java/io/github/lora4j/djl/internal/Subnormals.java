package io.github.lora4j.djl.internal;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Numbers below the smallest normal one, 1.2e-38 in fp32. A processor computes with them a hundred
 * times slower than with others. Attention with a bias by distance makes them by the thousand, as
 * the weights of what is far away: the backward pass of fp32 attention over 512 tokens takes twice
 * as long with them. Added to anything else they change nothing, so that a pass takes them for
 * zero, as {@code torch.set_flush_denormal} does.
 *
 * <p>The processor has a switch for each thread. Java wants it off: it is on while a thread is
 * inside {@link #flushed}, and always on libtorch's own threads, which take it over from the thread
 * that starts them. On other systems than Linux on x86-64 nothing is switched.
 */
public final class Subnormals {

  /** Results that are subnormal become zero, and so do operands. */
  private static final int FLUSH = 0x8040;

  /** Where glibc and musl keep the processor's control register, and the size of all they keep. */
  private static final int REGISTER = 28;

  private static final int SIZE = 32;

  private static final @Nullable Function READ = find("fegetenv");
  private static final @Nullable Function WRITE = find("fesetenv");

  private Subnormals() {}

  private static @Nullable Function find(String function) {
    if (!Platform.isLinux() || !Platform.isIntel() || !Platform.is64Bit()) {
      return null;
    }
    try {
      return NativeLibrary.getInstance("m").getFunction(function);
    } catch (UnsatisfiedLinkError e) {
      return null;
    }
  }

  /**
   * Whether the switch is known here.
   *
   * @return false if {@link #flushed} only calls what it is given
   */
  public static boolean canFlush() {
    return READ != null && WRITE != null;
  }

  /**
   * Computes with subnormal numbers taken for zero on this thread.
   *
   * @param <T> what is computed
   * @param work calls kernels, and nothing of a user's
   * @return its result
   */
  public static <T> T flushed(Supplier<T> work) {
    if (READ == null || WRITE == null) {
      return work.get();
    }
    try (Memory before = new Memory(SIZE);
        Memory during = new Memory(SIZE)) {
      READ.invokeInt(new Object[] {before});
      during.write(0, before.getByteArray(0, SIZE), 0, SIZE);
      during.setInt(REGISTER, before.getInt(REGISTER) | FLUSH);
      WRITE.invokeInt(new Object[] {during});
      try {
        return work.get();
      } finally {
        WRITE.invokeInt(new Object[] {before});
      }
    }
  }
}
