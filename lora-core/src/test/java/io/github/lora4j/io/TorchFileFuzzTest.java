package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged files are read or refused with {@link TensorFileException}: no other exception, no memory
 * that the file does not have. A failure names the seed.
 */
class TorchFileFuzzTest {

  private static final int ROUNDS = 1500;

  /** Heap that reading a damaged file of some kilobytes may take, bytes. */
  private static final long MOST_HEAP = 4_000_000;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "types.bin",
        "types-stream.bin",
        "views.bin",
        "views-stream.bin",
        "parameters-stream.bin",
        "protocol-4.bin",
        "protocol-5-stream.bin"
      })
  void flippedBytesAreReadOrRefused(String name) throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("torch/" + name));
    int refused = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] bytes = valid.clone();
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
      refused += refuses(bytes, seed) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(ROUNDS / 5); // most of a zip archive is padding
  }

  @ParameterizedTest
  @ValueSource(strings = {"views.bin", "views-stream.bin", "protocol-4.bin"})
  void shuffledPiecesAreReadOrRefused(String name) throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("torch/" + name));
    int pickles = Math.min(valid.length, 1600);
    int refused = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] bytes = valid.clone();
      for (int pieces = 1 + random.nextInt(3); pieces > 0; pieces--) {
        int length = 1 + random.nextInt(40);
        int from = random.nextInt(pickles - length);
        int to = random.nextInt(pickles - length);
        System.arraycopy(valid, from, bytes, to, length);
      }
      refused += refuses(bytes, seed) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(ROUNDS / 3);
  }

  /** Without the other bytes of the file nearly every round reaches the opcodes. */
  @Test
  void picklesOfRandomOpcodesAreReadOrRefused() throws IOException {
    byte[] right = RawTorch.onePair();
    PickleOpcode[] opcodes = PickleOpcode.values();
    int refused = 0;
    for (int seed = 0; seed < 4 * ROUNDS; seed++) {
      Random random = new Random(seed);
      byte[] pickle = Arrays.copyOf(right, right.length + random.nextInt(20));
      for (int changes = 1 + random.nextInt(6); changes > 0; changes--) {
        int at = 2 + random.nextInt(pickle.length - 2);
        pickle[at] =
            random.nextBoolean()
                ? (byte) opcodes[random.nextInt(opcodes.length)].code()
                : (byte) random.nextInt(256);
      }
      byte[] file = seed % 2 == 0 ? RawTorch.zip(pickle) : RawTorch.stream(pickle);
      refused += refuses(file, seed) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(2 * ROUNDS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"views.bin", "views-stream.bin", "state-dict.bin"})
  void filesCutAnywhereAreRefused(String name) throws IOException {
    byte[] valid = Files.readAllBytes(Golden.path("torch/" + name));
    for (int length = 0; length < valid.length; length += 1 + length / 97) {
      assertThat(refuses(Arrays.copyOf(valid, length), length)).as("length %d", length).isTrue();
    }
    assertThat(refuses(Arrays.copyOf(valid, valid.length + 1), 0)).isTrue();
  }

  @Test
  void randomBytesAreRefused() throws IOException {
    for (int seed = 0; seed < ROUNDS; seed++) {
      byte[] bytes = new byte[new Random(seed).nextInt(300)];
      new Random(seed).nextBytes(bytes);

      assertThat(refuses(bytes, seed)).as("seed %d", seed).isTrue();
    }
  }

  private static boolean refuses(byte[] bytes, int seed) throws IOException {
    long before = allocated();
    boolean refused = false;
    try (TorchFile file = TorchFile.of("seed " + seed, ByteBuffer.wrap(bytes))) {
      for (TensorEntry tensor : file.tensors()) {
        assertThat(file.floats(tensor)).as("seed %d", seed).hasSize((int) tensor.elements());
      }
    } catch (TensorFileException e) {
      assertThat(e).hasMessageStartingWith("seed " + seed + ": ");
      refused = true;
    }
    assertThat(allocated() - before).as("heap, seed %d", seed).isLessThan(MOST_HEAP);
    return refused;
  }

  private static long allocated() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    return threads.getCurrentThreadAllocatedBytes();
  }
}
