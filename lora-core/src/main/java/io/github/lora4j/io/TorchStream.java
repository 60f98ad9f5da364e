package io.github.lora4j.io;

import io.github.lora4j.io.PickleValue.Dict;
import io.github.lora4j.io.PickleValue.Flag;
import io.github.lora4j.io.PickleValue.Items;
import io.github.lora4j.io.PickleValue.Text;
import io.github.lora4j.io.PickleValue.Whole;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The layout of PyTorch before 1.6, still written on demand: five pickles (a magic number, the
 * protocol, the machine, the dictionary, the keys of the storages), then each storage after the
 * count of its elements.
 */
final class TorchStream {

  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final BigInteger PROTOCOL = BigInteger.valueOf(1001);

  private final TensorBytes file;
  private final PickleInput in;

  private TorchStream(TensorBytes file, PickleInput in) {
    this.file = file;
    this.in = in;
  }

  static TorchLayout read(TensorBytes file) throws IOException {
    int length = (int) Math.min(file.size(), TorchLayout.longestPickle());
    PickleInput in = new PickleInput(file.name(), "the pickles", file.read(0, length));
    return new TorchStream(file, in).layout();
  }

  private TorchLayout layout() throws IOException {
    expect("a magic number", MAGIC);
    expect("a protocol", PROTOCOL);
    if (!(read() instanceof Dict machine)
        || !(machine.entries.get("little_endian") instanceof Flag little)) {
      throw in.problem("wanted what machine wrote the file; the file is damaged");
    }
    if (!little.flag()) {
      throw in.problem("written by a machine with big-endian numbers; save it on another");
    }
    Unpickler pickle = new Unpickler(in);
    Map<String, TorchTensor> tensors = TorchLayout.tensorsOf(file.name(), pickle.read());
    return new TorchLayout(tensors, starts(pickle.storages()));
  }

  private PickleValue read() throws TensorFileException {
    return new Unpickler(in).read();
  }

  private void expect(String what, BigInteger wanted) throws TensorFileException {
    PickleValue found = read();
    if (!(found instanceof Whole number) || !number.number().equals(wanted)) {
      throw in.problem(
          "%s instead of %s of torch.save; it is no file of torch.save, or a damaged one",
          PickleValue.describe(found), what);
    }
  }

  private Map<String, Long> starts(Map<String, TorchStorage> storages) throws IOException {
    if (!(read() instanceof Items keys)) {
      throw in.problem("wanted the list of storages; the file is damaged");
    }
    Map<String, Long> starts = new LinkedHashMap<>();
    long at = in.position();
    for (PickleValue item : keys.items) {
      TorchStorage storage = item instanceof Text key ? storages.get(key.text()) : null;
      if (storage == null || starts.containsKey(storage.key())) {
        throw in.problem("the list of storages names one twice, or one that no tensor has");
      }
      at = begin(storage, at);
      starts.put(storage.key(), at);
      at += storage.bytes();
    }
    if (starts.size() != storages.size()) {
      throw in.problem("%d storages are there, %d named", starts.size(), storages.size());
    }
    if (at != file.size()) {
      throw new TensorFileException(
          file.name(), "the storages end at byte %d, the file at %d".formatted(at, file.size()));
    }
    return starts;
  }

  /** Checks the count before a storage; gives the byte after it. */
  private long begin(TorchStorage storage, long at) throws IOException {
    long room = file.size() - at - Long.BYTES;
    if (storage.bytes() > room) {
      throw new TensorFileException(
          file.name(),
          "storage '%.80s' needs %d bytes from byte %d on, the file ends at %d; it is truncated"
              .formatted(storage.key(), storage.bytes(), at + Long.BYTES, file.size()));
    }
    long count = file.read(at, Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (count != storage.elements()) {
      throw new TensorFileException(
          file.name(),
          "storage '%.80s' at byte %d has %d elements, its tensors say %d"
              .formatted(storage.key(), at, count, storage.elements()));
    }
    return at + Long.BYTES;
  }
}
