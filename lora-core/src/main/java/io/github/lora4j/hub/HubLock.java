package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One at a time for one content: among the threads of this process, and among processes where the
 * file system can. Python's lock is of another sort, which does not exclude this one; neither needs
 * to, as neither writes where the other does and both rename into place.
 */
final class HubLock implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(HubLock.class);
  private static final Map<Path, Entry> IN_PROCESS = new HashMap<>();

  /** A lock and how many threads have it or wait for it. */
  private static final class Entry {
    private final ReentrantLock lock = new ReentrantLock();
    private int users;
  }

  private final Path file;
  private final Entry entry;
  private @Nullable FileChannel channel;
  private boolean exclusive;

  private HubLock(Path file, Entry entry) {
    this.file = file;
    this.entry = entry;
  }

  /** Waits for a lock. */
  static HubLock take(Path file) throws IOException {
    Entry entry;
    synchronized (IN_PROCESS) {
      entry = IN_PROCESS.computeIfAbsent(file, f -> new Entry());
      entry.users++;
    }
    HubLock lock = new HubLock(file, entry);
    try {
      entry.lock.lockInterruptibly();
    } catch (InterruptedException e) {
      lock.leave();
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted while waiting").initCause(e);
    }
    try {
      lock.lockFile();
      return lock;
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private void lockFile() throws IOException {
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock held = channel.lock();
      exclusive = held.isValid();
    } catch (FileLockInterruptionException e) {
      throw (IOException) new InterruptedIOException("interrupted while waiting").initCause(e);
    } catch (IOException e) {
      // Some network file systems have no locks, and the file may be another user's.
      LOG.debug(
          "no lock on {}: {}; the file is loaded under a name of its own", file, e.getMessage());
    }
  }

  /** Whether no other process can have it. */
  boolean isExclusive() {
    return exclusive;
  }

  @Override
  public void close() throws IOException {
    try (FileChannel closed = channel) {
      LOG.trace("lock {} given back, {}", file, closed == null ? "unheld" : "held");
    } finally {
      entry.lock.unlock();
      leave();
    }
  }

  private void leave() {
    synchronized (IN_PROCESS) {
      entry.users--;
      if (entry.users == 0) {
        IN_PROCESS.remove(file);
      }
    }
  }
}
