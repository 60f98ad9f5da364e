package io.github.lora4j.djl.internal;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The C library's heap, which libtorch's arrays on the CPU come from. glibc keeps what is freed for
 * the next request, scattered over arenas of 64 MiB, where arrays of another size cannot use it: of
 * a training step that needs 1.2 GB beside the weights, 0.8 GB more stay resident. DJL brings JNA
 * for calls like these.
 */
public final class NativeHeap {

  /** A user who has set glibc's threshold knows better. */
  private static final String THRESHOLD_VARIABLE = "MALLOC_MMAP_THRESHOLD_";

  /** glibc's names for the parameters. */
  private static final int MMAP_THRESHOLD = -3;

  private static final int TOP_PAD = -2;
  private static final int TRIM_THRESHOLD = -1;

  /**
   * What is done with large arrays: those from some size on get pages of their own, which go back
   * at once when they are freed, and have to be touched anew each time.
   */
  public enum Apart {
    /** A quarter less memory for a fifth more time. */
    FROM_6_MIB(6 << 20, 128 << 10, 128 << 10),

    /** As far as glibc before 2.35 goes: fewer pages to touch, for a fifth more memory. */
    FROM_32_MIB(32 << 20, 128 << 20, 128 << 10),

    /**
     * Practically none, and a heap that does not give back its end whenever that is free: touching
     * a page takes as long as computing what is in it.
     */
    FROM_64_MIB(64 << 20, 128 << 20, 64 << 20);

    private final int from;
    private final int trim;
    private final int pad;

    Apart(int from, int trim, int pad) {
      this.from = from;
      this.trim = trim;
      this.pad = pad;
    }
  }

  /** What may stay with the C library, which costs some milliseconds to take from it. */
  private static final long MOST_KEPT = 64 << 20;

  private static final AtomicLong FREED = new AtomicLong();

  private static final AtomicReference<@Nullable Apart> APART = new AtomicReference<>();

  private static final @Nullable Function TRIM = find("malloc_trim");

  private NativeHeap() {}

  private static @Nullable Function find(String function) {
    try {
      NativeLibrary library = NativeLibrary.getInstance("c");
      library.getFunction("malloc_trim"); // only glibc has it; others give memory back themselves
      return library.getFunction(function);
    } catch (UnsatisfiedLinkError e) {
      return null;
    }
  }

  /**
   * Has large arrays kept out of the heap from now on, in the whole process, unless the C library
   * is another or the user has set the threshold. To be called before a large training pass.
   *
   * @param apart from which size on
   */
  public static void keepLargeArraysApart(Apart apart) {
    if (APART.getAndSet(apart) != apart && System.getenv(THRESHOLD_VARIABLE) == null) {
      Function mallopt = find("mallopt");
      if (mallopt != null) {
        set(mallopt, TRIM_THRESHOLD, apart.trim);
        set(mallopt, TOP_PAD, apart.pad);
        if (!set(mallopt, MMAP_THRESHOLD, apart.from)) {
          set(mallopt, MMAP_THRESHOLD, Apart.FROM_32_MIB.from);
        }
      }
    }
  }

  private static boolean set(Function mallopt, int parameter, int value) {
    return mallopt.invokeInt(new Object[] {parameter, value}) != 0;
  }

  /**
   * Takes note that small arrays were freed; each time that they add up to 64 MiB, free pages go
   * back to the system, so that the process does not stay as large as it was with all of them.
   *
   * @param bytes how many
   */
  public static void freed(long bytes) {
    long sum = FREED.addAndGet(bytes);
    if (sum >= MOST_KEPT && FREED.compareAndSet(sum, 0)) {
      trim();
    }
  }

  /** Gives free pages back to the system: some milliseconds, and the pages' first touch anew. */
  public static void trim() {
    if (TRIM != null) {
      TRIM.invokeInt(new Object[] {0L});
    }
  }
}
