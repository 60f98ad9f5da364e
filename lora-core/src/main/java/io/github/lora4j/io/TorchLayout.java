package io.github.lora4j.io;

import io.github.lora4j.io.PickleValue.Dict;
import io.github.lora4j.io.PickleValue.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What one of the two layouts of {@code torch.save} says: the tensors, and where storages begin.
 *
 * @param tensors by name, in the order of the dictionary
 * @param starts first byte of each storage in the file, by its key
 */
record TorchLayout(Map<String, TorchTensor> tensors, Map<String, Long> starts) {

  /** Heap that a byte of a pickle can take: its value, its place on the stack and in the memo. */
  private static final int HEAP_PER_BYTE = 128;

  /** Room for some 300,000 tensors. */
  private static final int LONGEST = 1 << 26;

  /** Longest pickle that is read; a file must not end the whole process. */
  static int longestPickle() {
    return (int) Math.min(LONGEST, Runtime.getRuntime().maxMemory() / HEAP_PER_BYTE);
  }

  static TorchLayout read(TensorBytes file) throws IOException {
    int head = (int) Math.min(TorchHead.BYTES, file.size());
    ByteBuffer bytes = file.read(0, head);
    return TorchHead.isZip(file.name(), bytes) ? TorchArchive.read(file) : TorchStream.read(file);
  }

  /** The tensors of a dictionary; anything else in it is refused by its name. */
  static Map<String, TorchTensor> tensorsOf(String file, PickleValue value)
      throws TensorFileException {
    if (!(value instanceof Dict dict)) {
      throw new TensorFileException(
          file,
          "holds %s, wanted a dictionary of tensors; save the adapter's state_dict() itself"
              .formatted(PickleValue.describe(value)));
    }
    Map<String, TorchTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, PickleValue> entry : dict.entries.entrySet()) {
      if (!(entry.getValue() instanceof Tensor tensor)) {
        throw new TensorFileException(
            file,
            "'%.200s' is %s, wanted a tensor; save the adapter's state_dict() itself"
                .formatted(entry.getKey(), PickleValue.describe(entry.getValue())));
      }
      tensors.put(entry.getKey(), tensor.tensor());
    }
    return tensors;
  }
}
