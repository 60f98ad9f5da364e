package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The directory of a zip archive whose entries are stored as they are. Nothing is unpacked; what is
 * compressed, encrypted, overlaps or leaves the file is refused.
 */
final class ZipEntries {

  /**
   * An entry.
   *
   * @param header first byte of what belongs to it
   * @param start first byte of its content
   * @param bytes length of its content
   */
  record Entry(String name, long header, long start, long bytes) {}

  private static final int END = 0x06054b50;
  private static final int END_BYTES = 22;
  private static final int LOCATOR = 0x07064b50;
  private static final int LOCATOR_BYTES = 20;
  private static final int WIDE_END = 0x06064b50;
  private static final int WIDE_END_BYTES = 56;
  private static final int CENTRAL = 0x02014b50;
  private static final int CENTRAL_BYTES = 46;
  private static final int LOCAL = 0x04034b50;
  private static final int LOCAL_BYTES = 30;
  private static final long WIDE = 0xFFFFFFFFL; // the number stands in an extra field
  private static final int WIDE_FIELD = 1;
  private static final int ENCRYPTED = 1;

  private final TensorBytes file;
  private final List<Entry> entries = new ArrayList<>();
  private final Set<String> names = new HashSet<>();

  private ZipEntries(TensorBytes file) {
    this.file = file;
  }

  /** The entries, in the order of their content. */
  static List<Entry> read(TensorBytes file) throws IOException {
    ZipEntries zip = new ZipEntries(file);
    zip.readDirectory();
    return zip.entries;
  }

  private void readDirectory() throws IOException {
    long endAt = file.size() - END_BYTES;
    ByteBuffer end = endAt < 0 ? bytes(0, 0) : bytes(endAt, END_BYTES);
    if (end.remaining() < END_BYTES || end.getInt(0) != END || end.getShort(20) != 0) {
      throw problem(
          "begins as a zip archive but has no directory at its end, byte %d; it is truncated,"
              + " fetch it again",
          file.size());
    }
    long count = end.getShort(10) & 0xFFFF;
    long length = end.getInt(12) & WIDE;
    long from = end.getInt(16) & WIDE;
    long directoryEnd = endAt;
    long locatorAt = endAt - LOCATOR_BYTES;
    if (locatorAt >= 0 && bytes(locatorAt, 4).getInt() == LOCATOR) {
      directoryEnd = bytes(locatorAt + 8, 8).getLong();
      if (directoryEnd < 0 || directoryEnd != locatorAt - WIDE_END_BYTES) {
        throw problem("the end of the directory is said to be at byte %d", directoryEnd);
      }
      ByteBuffer wide = bytes(directoryEnd, WIDE_END_BYTES);
      if (wide.getInt(0) != WIDE_END) {
        throw problem("byte %d is not the end of a zip64 directory", directoryEnd);
      }
      count = wide.getLong(32);
      length = wide.getLong(40);
      from = wide.getLong(48);
    }
    if (length < 0
        || from < 0
        || length > TorchLayout.longestPickle()
        || from != directoryEnd - length) {
      throw problem(
          "the directory is said to have %d bytes from byte %d on, and ends at byte %d; the file"
              + " is damaged",
          length, from, directoryEnd);
    }
    ByteBuffer directory = bytes(from, (int) length);
    while (directory.hasRemaining()) {
      add(directory, from);
    }
    if (entries.size() != count) {
      throw problem("the directory lists %d entries, and says %d", entries.size(), count);
    }
    checkOverlap();
  }

  private void add(ByteBuffer directory, long directoryStart) throws IOException {
    int at = directory.position();
    if (directory.remaining() < CENTRAL_BYTES || directory.getInt(at) != CENTRAL) {
      throw problem("byte %d of the directory begins no entry; the file is damaged", at);
    }
    int flags = directory.getShort(at + 8);
    int method = directory.getShort(at + 10) & 0xFFFF;
    long packed = directory.getInt(at + 20) & WIDE;
    long bytes = directory.getInt(at + 24) & WIDE;
    int nameLength = directory.getShort(at + 28) & 0xFFFF;
    int extraLength = directory.getShort(at + 30) & 0xFFFF;
    int commentLength = directory.getShort(at + 32) & 0xFFFF;
    long header = directory.getInt(at + 42) & WIDE;
    int length = CENTRAL_BYTES + nameLength + extraLength + commentLength;
    if (length > directory.remaining()) {
      throw problem("byte %d of the directory: an entry of %d bytes leaves it", at, length);
    }
    String name = text(directory.slice(at + CENTRAL_BYTES, nameLength));
    if (method != 0 || (flags & ENCRYPTED) != 0) {
      throw problem(
          "entry '%.200s' is %s; torch.save stores entries as they are, and nothing is unpacked",
          name, method != 0 ? "compressed by method " + method : "encrypted");
    }
    WideNumbers wide =
        new WideNumbers(directory.slice(at + CENTRAL_BYTES + nameLength, extraLength));
    bytes = wide.orOwn(bytes);
    packed = wide.orOwn(packed);
    header = wide.orOwn(header);
    if (bytes < 0 || bytes != packed || header < 0) {
      throw problem("entry '%.200s' has %d bytes, packed %d", name, bytes, packed);
    }
    if (!names.add(name)) {
      throw problem("entry '%.200s' stands twice", name);
    }
    directory.position(at + length);
    entries.add(entry(name, header, bytes, directoryStart));
  }

  /** Goes by the entry's own header, which must agree with the directory. */
  private Entry entry(String name, long header, long bytes, long directoryStart)
      throws IOException {
    int known = LOCAL_BYTES + name.getBytes(StandardCharsets.UTF_8).length;
    if (header > directoryStart - known) {
      throw problem("entry '%.200s' is said to begin at byte %d", name, header);
    }
    ByteBuffer local = bytes(header, known);
    boolean sameName =
        local.getInt(0) == LOCAL
            && (local.getShort(26) & 0xFFFF) == known - LOCAL_BYTES
            && text(local.slice(LOCAL_BYTES, known - LOCAL_BYTES)).equals(name);
    if (!sameName || local.getShort(8) != 0) {
      throw problem("entry '%.200s' is another one at byte %d of the file", name, header);
    }
    long start = header + known + (local.getShort(28) & 0xFFFF);
    if (bytes > directoryStart - start) {
      throw problem(
          "entry '%.200s' claims %d bytes from byte %d on, the entries end at byte %d",
          name, bytes, start, directoryStart);
    }
    return new Entry(name, header, start, bytes);
  }

  private void checkOverlap() throws TensorFileException {
    entries.sort(Comparator.comparingLong(Entry::header));
    long free = 0;
    for (Entry entry : entries) {
      if (entry.header() < free) {
        throw problem("entry '%.200s' overlaps the one before it", entry.name());
      }
      free = entry.start() + entry.bytes();
    }
  }

  private String text(ByteBuffer bytes) throws TensorFileException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw problem("the name of an entry is not UTF-8");
    }
  }

  private ByteBuffer bytes(long from, int count) throws IOException {
    return file.read(from, count).slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  private TensorFileException problem(String format, Object... arguments) {
    return new TensorFileException(file.name(), format.formatted(arguments));
  }

  /** The 64-bit numbers of an entry, in the order of those that have no room in 32 bits. */
  private static final class WideNumbers {
    private final ByteBuffer numbers;

    WideNumbers(ByteBuffer extra) {
      ByteBuffer fields = extra.order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer found = ByteBuffer.allocate(0);
      while (fields.remaining() >= 4) {
        int field = fields.getShort() & 0xFFFF;
        int length = Math.min(fields.getShort() & 0xFFFF, fields.remaining());
        if (field == WIDE_FIELD) {
          found = fields.slice(fields.position(), length);
        }
        fields.position(fields.position() + length);
      }
      this.numbers = found.order(ByteOrder.LITTLE_ENDIAN);
    }

    long orOwn(long own) {
      return own == WIDE && numbers.remaining() >= Long.BYTES ? numbers.getLong() : own;
    }
  }
}
