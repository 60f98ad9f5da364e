package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Around the pickle: archives and the older layout that are not as torch.save writes them. */
class TorchArchiveTest {

  private final Map<String, byte[]> entries = RawTorch.entries(RawTorch.onePair());

  @Test
  void archiveMadeByHandIsRead() throws IOException {
    assertThat(tensors(RawTorch.zip(entries))).isEqualTo(1);
    assertThat(tensors(RawTorch.stream(RawTorch.onePair()))).isEqualTo(1);
  }

  @Test
  void notesOfOtherVersionsAreLeftUnread() throws IOException {
    entries.put("archive/.some/note", new byte[] {1, 2, 3});
    entries.put("archive/byteorder", bytes("little"));

    assertThat(tensors(RawTorch.zip(entries))).isEqualTo(1);
  }

  @Test
  void bigEndianIsRefused() {
    entries.put("archive/byteorder", bytes("big"));

    refused(RawTorch.zip(entries), "byte order 'big', wanted 'little'");
    byte[] stream = RawTorch.stream(RawTorch.onePair());
    replace(stream, "little_endian", 1, (byte) 0x89);
    refused(stream, "written by a machine with big-endian numbers");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "other/data/1 ¦ entry 'other/data/1' stands outside of the directory 'archive/'",
        "/etc/passwd ¦ entry '/etc/passwd' stands outside of the directory 'archive/'",
        "../../evil ¦ entry '../../evil' stands outside of the directory 'archive/'",
        "archive/../../evil ¦ entry '../../evil' is none that torch.save writes",
        "archive/data/../x ¦ entry 'data/../x' is none that torch.save writes",
        "archive/.hidden/../x ¦ entry '.hidden/../x' is none that torch.save writes",
        "archive/evil.py ¦ entry 'evil.py' is none that torch.save writes",
        "archive/constants.pkl ¦ is a TorchScript program, wanted a dictionary of tensors",
        "archive/data/7 ¦ entry 'data/7' belongs to no tensor",
        "bare ¦ entry 'bare' stands outside of the directory 'archive/'"
      })
  void entryThatDoesNotBelongIsRefusedByName(String name, String message) {
    entries.put(name, new byte[] {0});

    refused(RawTorch.zip(entries), message);
  }

  @Test
  void archiveWithoutAPickleIsRefused() {
    entries.remove("archive/data.pkl");

    refused(RawTorch.zip(entries), "has no entry 'data.pkl', wanted an archive of torch.save");
    refused(RawTorch.zip(Map.of("bare", new byte[1])), "entry 'bare' stands outside");
  }

  @Test
  void storageThatIsMissingIsRefused() {
    entries.remove("archive/data/0");

    refused(RawTorch.zip(entries), "storage '0' needs an entry 'data/0' of 8 bytes, found none");
  }

  @Test
  void storageOfAnotherLengthIsRefused() {
    entries.put("archive/data/0", new byte[12]);

    refused(
        RawTorch.zip(entries), "storage '0' needs an entry 'data/0' of 8 bytes, found 12 bytes");
  }

  @Test
  void bytesAfterThePickleAreRefused() {
    byte[] pickle = RawTorch.onePair();
    entries.put("archive/data.pkl", Arrays.copyOf(pickle, pickle.length + 3));

    refused(RawTorch.zip(entries), "3 bytes follow the pickle");
  }

  @Test
  void compressedEntriesAreRefused()
      throws IOException { // a kilobyte of them may unpack to any size
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(new byte[10_000_000]);
    }

    refused(
        bytes.toByteArray(),
        "entry 'archive/data.pkl' is compressed by method 8; torch.save stores entries as they are");
  }

  @Test
  void encryptedEntriesAreRefused() {
    byte[] zip = RawTorch.zip(entries);
    zip[central(zip, 0) + 8] |= 1;

    refused(zip, "entry 'archive/data.pkl' is encrypted");
  }

  @Test
  void entryThatItsOwnHeaderContradictsIsRefused() {
    byte[] name = RawTorch.zip(entries);
    name[30] = 'x';
    refused(name, "entry 'archive/data.pkl' is another one at byte 0 of the file");

    byte[] method = RawTorch.zip(entries);
    method[8] = 8;
    refused(method, "entry 'archive/data.pkl' is another one at byte 0 of the file");
  }

  @Test
  void entryThatClaimsMoreThanTheFileHoldsIsRefused() {
    byte[] zip = RawTorch.zip(entries);
    int at = central(zip, 1);
    little(zip).putInt(at + 20, 1 << 30).putInt(at + 24, 1 << 30);

    refused(zip, "entry 'archive/data/0' claims 1073741824 bytes from byte");
  }

  @Test
  void entriesThatOverlapAreRefused() {
    byte[] zip = RawTorch.zip(entries);
    int at = central(zip, 0);
    int longer = little(zip).getInt(at + 24) + 40;
    little(zip).putInt(at + 20, longer).putInt(at + 24, longer);

    refused(zip, "entry 'archive/data/0' overlaps the one before it");
  }

  @Test
  void entryThatStandsTwiceIsRefused() {
    entries.put("archive/data/1", new byte[8]);
    byte[] zip = RawTorch.zip(entries);
    for (int at = 0; at + 14 <= zip.length; at++) {
      if (new String(zip, at, 14, StandardCharsets.US_ASCII).equals("archive/data/1")) {
        zip[at + 13] = '0';
      }
    }

    refused(zip, "entry 'archive/data/0' stands twice");
  }

  @Test
  void directoryThatLiesAboutItselfIsRefused() {
    byte[] count = RawTorch.zip(entries);
    count[count.length - 12] = 9;
    refused(count, "the directory lists 3 entries, and says 9");

    byte[] place = RawTorch.zip(entries);
    little(place).putInt(place.length - 6, 1);
    refused(place, "the directory is said to have");
  }

  /** torch.save writes the 64-bit form of the directory's end always, of entries never. */
  @Test
  void wideNumbersOfTheDirectoryCount() throws IOException {
    byte[] zip = Files.readAllBytes(Golden.path("torch/parameters.bin"));
    little(zip).putInt(zip.length - 6, -1).putInt(zip.length - 10, -1);
    assertThat(tensors(zip)).isEqualTo(3);

    little(zip).putLong(zip.length - 98 + 48, Long.MAX_VALUE);
    refused(zip, "the directory is said to have");
    little(zip).putLong(zip.length - 42 + 8, -5);
    refused(zip, "the end of the directory is said to be at byte -5");
  }

  /** As they are in an archive of more than 4 GB. */
  @Test
  void wideNumbersOfAnEntryCount() throws IOException {
    byte[] zip = RawTorch.zip(entries);
    int at = central(zip, 1);
    int name = "archive/data/0".length();
    long header = little(zip).getInt(at + 42);
    byte[] wide = new byte[zip.length + 28];
    System.arraycopy(zip, 0, wide, 0, at + 46 + name);
    System.arraycopy(zip, at + 46 + name, wide, at + 74 + name, zip.length - at - 46 - name);
    little(wide)
        .putInt(at + 20, -1)
        .putInt(at + 24, -1)
        .putShort(at + 30, (short) 28)
        .putInt(at + 42, -1)
        .putShort(at + 46 + name, (short) 1)
        .putShort(at + 48 + name, (short) 24)
        .putLong(at + 50 + name, 8)
        .putLong(at + 58 + name, 8)
        .putLong(at + 66 + name, header);
    little(wide).putInt(wide.length - 10, little(wide).getInt(wide.length - 10) + 28);
    assertThat(tensors(wide)).isEqualTo(1);

    little(wide).putLong(at + 66 + name, Long.MIN_VALUE);
    refused(wide, "entry 'archive/data/0' has 8 bytes, packed 8");
    little(wide).putLong(at + 66 + name, Long.MAX_VALUE);
    refused(wide, "entry 'archive/data/0' is said to begin at byte 9223372036854775807");
  }

  @Test
  void truncatedArchiveSaysSo() {
    byte[] zip = RawTorch.zip(entries);

    refused(
        Arrays.copyOf(zip, zip.length / 2),
        "begins as a zip archive but has no directory at its end, byte "
            + zip.length / 2
            + "; it is truncated, fetch it again");
  }

  @Test
  void olderLayoutMustHoldWhatItSays() {
    byte[] pickle = RawTorch.onePair();
    byte[] keys = RawTorch.keys("0");

    refused(
        RawTorch.stream(pickle, keys, RawTorch.storage(3, 8)),
        "storage '0' at byte",
        "has 3 elements, its tensors say 2");
    refused(
        RawTorch.stream(pickle, keys, RawTorch.storage(2, 7)),
        "storage '0' needs 8 bytes from byte",
        "it is truncated");
    refused(RawTorch.stream(pickle, keys, RawTorch.storage(2, 9)), "the storages end at byte");
    refused(
        RawTorch.stream(pickle, RawTorch.keys("1"), RawTorch.storage(2, 8)),
        "names one twice, or one that no tensor has");
    refused(
        RawTorch.stream(pickle, RawTorch.keys("0", "0"), RawTorch.storage(2, 24)),
        "names one twice, or one that no tensor has");
    refused(RawTorch.stream(pickle, RawTorch.keys(), new byte[0]), "0 storages are there, 1 named");
    refused(
        RawTorch.stream(pickle, RawTorch.pickle().op('}').bytes(), RawTorch.storage(2, 8)),
        "wanted the list of storages");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "'' ¦ is empty; fetch it again",
        "version https://git-lfs.github.com/spec/v1 ¦ is the pointer that git leaves",
        "<!DOCTYPE html> ¦ is a web page, wanted a file of torch.save",
        "12345678{\"a\" ¦ looks like a safetensors file; call it adapter_model.safetensors",
        "cos|system|(S'true'|tR. ¦ GLOBAL 'os.system' is refused",
        "(S'true'|ios|system|. ¦ the opcode STRING is refused"
      })
  void fileOfAnotherKindIsToldApart(String text, String message) {
    refused(bytes(text.replace('|', '\n')), message);
  }

  @Test
  void plainPickleIsNoFileOfTorch() {
    refused(
        RawTorch.onePair(),
        "a dictionary instead of a magic number of torch.save; it is no file of");
  }

  private static int central(byte[] zip, int index) {
    int at = little(zip).getInt(zip.length - 6);
    for (int i = 0; i < index; i++) {
      ByteBuffer bytes = little(zip);
      at += 46 + bytes.getShort(at + 28) + bytes.getShort(at + 30) + bytes.getShort(at + 32);
    }
    return at;
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void replace(byte[] bytes, String after, int gap, byte value) {
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(after);
    bytes[at + after.length() + gap - 1] = value;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static int tensors(byte[] bytes) throws IOException {
    try (TorchFile file = TorchFile.of("adapter_model.bin", ByteBuffer.wrap(bytes))) {
      for (TensorEntry tensor : file.tensors()) {
        assertThat(file.floats(tensor)).hasSize((int) tensor.elements());
      }
      return file.tensors().size();
    }
  }

  private static void refused(byte[] bytes, String... messages) {
    assertThatThrownBy(() -> tensors(bytes))
        .isInstanceOf(TensorFileException.class)
        .hasMessageStartingWith("adapter_model.bin: ")
        .hasMessageContainingAll(messages);
  }
}
