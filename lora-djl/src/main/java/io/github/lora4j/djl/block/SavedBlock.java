package io.github.lora4j.djl.block;

import static java.util.Objects.requireNonNull;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Parameter;
import io.github.lora4j.djl.internal.Kernels;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The part of a DJL parameter file that is a {@link PeftBlock}: a mark, then base and adapter, each
 * a number of tensors and for every one its name and DJL's encoding of it.
 */
final class SavedBlock {

  private static final Logger log = LoggerFactory.getLogger(SavedBlock.class);

  /** "LoRA" and the version of the layout. */
  private static final long MARK = 0x4c6f5241_00000001L;

  private final BlockTree tree;
  private final BlockAdapter adapter;

  SavedBlock(BlockTree tree, BlockAdapter adapter) {
    this.tree = tree;
    this.adapter = adapter;
  }

  void write(DataOutputStream out) throws IOException {
    adapter.acquire();
    try {
      out.writeLong(MARK);
      write(out, ofBase());
      write(out, adapter.parameters());
    } finally {
      adapter.release();
    }
  }

  /** The base as the view sees it. What the adapter brings its own copy of counts as the base's. */
  private Map<String, Parameter> ofBase() {
    Map<String, Parameter> seen = new LinkedHashMap<>();
    tree.all()
        .forEach(
            (name, parameter) ->
                seen.put(
                    name, adapter.brings(parameter) ? parameter : adapter.inPlaceOf(parameter)));
    return seen;
  }

  private static void write(DataOutputStream out, Map<String, Parameter> parameters)
      throws IOException {
    out.writeInt(parameters.size());
    for (Map.Entry<String, Parameter> entry : parameters.entrySet()) {
      out.writeUTF(entry.getKey());
      out.write(entry.getValue().getArray().encode());
    }
  }

  void read(NDManager manager, DataInputStream in) throws IOException, MalformedModelException {
    adapter.acquire();
    try (NDManager scope = manager.newSubManager()) {
      if (in.readLong() != MARK) {
        throw new MalformedModelException(
            "these parameters were not saved from a block with an adapter; load them into the block before it is wrapped");
      }
      Map<String, NDArray> base = read(scope, in, ofBase(), true);
      Map<String, NDArray> own = read(scope, in, adapter.parameters(), false);
      adapter.parameters().forEach((name, target) -> copy(requireNonNull(own.get(name)), target));
      base.forEach(this::replace);
      if (!base.isEmpty()) {
        log.info(
            "{} of {} weights in the file differ from the base's; this view keeps them, the base stays",
            base.size(),
            tree.all().size());
      }
    } finally {
      adapter.release();
    }
  }

  private Map<String, NDArray> read(
      NDManager scope, DataInputStream in, Map<String, Parameter> wanted, boolean onlyNew)
      throws IOException, MalformedModelException {
    Map<String, NDArray> read = new LinkedHashMap<>();
    int count = in.readInt();
    if (count != wanted.size()) {
      throw misfit("%d tensors".formatted(count), "%d".formatted(wanted.size()));
    }
    for (Map.Entry<String, Parameter> entry : wanted.entrySet()) {
      String name = in.readUTF();
      NDArray array = scope.decode(in);
      NDArray present = entry.getValue().getArray();
      String found = "%s %s %s".formatted(name, array.getDataType(), array.getShape());
      String expected =
          "%s %s %s".formatted(entry.getKey(), present.getDataType(), present.getShape());
      if (!found.equals(expected)) {
        throw misfit(found, expected);
      }
      if (onlyNew && sameBits(array, present)) {
        array.close();
      } else {
        read.put(name, array);
      }
    }
    return read;
  }

  private static boolean sameBits(NDArray one, NDArray other) {
    return one.toByteBuffer().equals(other.toByteBuffer());
  }

  private static MalformedModelException misfit(String file, String block) {
    return new MalformedModelException(
        "the file has %s where the block has %s; wrap a block of the same architecture with the configuration that was saved"
            .formatted(file, block));
  }

  private void replace(String name, NDArray array) {
    Parameter original = tree.parameter(name);
    if (adapter.brings(original)) {
      return; // the adapter's own copy is what is computed with
    }
    Parameter current = adapter.inPlaceOf(original);
    if (current == original) {
      adapter.replace(original, array.toDevice(original.getArray().getDevice(), false));
    } else {
      copy(array, current);
    }
  }

  /** In place, so that what trainers and predictors hold already is what was read. */
  private static void copy(NDArray source, Parameter target) {
    Kernels.get().run("copy_into", target.getArray(), source);
  }
}
