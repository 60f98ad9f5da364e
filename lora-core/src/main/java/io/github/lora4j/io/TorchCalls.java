package io.github.lora4j.io;

import io.github.lora4j.io.PickleValue.Dict;
import io.github.lora4j.io.PickleValue.Flag;
import io.github.lora4j.io.PickleValue.Name;
import io.github.lora4j.io.PickleValue.Nothing;
import io.github.lora4j.io.PickleValue.Storage;
import io.github.lora4j.io.PickleValue.Tensor;
import io.github.lora4j.io.PickleValue.Text;
import io.github.lora4j.io.PickleValue.Tuple;
import io.github.lora4j.io.PickleValue.Whole;
import io.github.lora4j.io.TorchGlobal.Meaning;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the calls in a pickle of tensors mean. None is made: a storage or a tensor is a note of
 * where its elements are, and no element is read.
 */
final class TorchCalls {

  private static final int STORAGE_ID = 5; // 'storage', type, key, location, elements
  private static final int TENSOR = 6; // storage, offset, size, stride, requires_grad, hooks

  private final PickleInput in;
  private final Map<String, TorchStorage> storages = new LinkedHashMap<>();

  TorchCalls(PickleInput in) {
    this.in = in;
  }

  /** All that were named, by their keys. */
  Map<String, TorchStorage> storages() {
    return storages;
  }

  /** The opcode REDUCE: a function and its arguments. */
  PickleValue call(PickleValue function, PickleValue arguments) throws TensorFileException {
    if (!(function instanceof Name name)) {
      throw in.refusal("a call of %s", PickleValue.describe(function));
    }
    TorchGlobal global = name.global();
    if (!(arguments instanceof Tuple tuple)) {
      throw in.refusal("'%s' called with %s", global.name(), PickleValue.describe(arguments));
    }
    List<PickleValue> given = tuple.items();
    return switch (global.meaning()) {
      case ORDERED_DICT -> {
        if (!given.isEmpty()) {
          throw in.refusal("'%s' called with %d arguments", global.name(), given.size());
        }
        yield new Dict(true);
      }
      case TENSOR -> tensor(global, given, Optional.empty());
      case TENSOR_OF_BYTES -> {
        if (given.size() <= TENSOR
            || !(given.get(TENSOR) instanceof Name type)
            || type.global().meaning() != Meaning.DTYPE) {
          throw arguments(global);
        }
        List<PickleValue> others = new ArrayList<>(given);
        others.remove(TENSOR);
        yield tensor(global, others, type.global().dtype());
      }
      case PARAMETER -> {
        if (given.size() != 3
            || !(given.get(0) instanceof Tensor)
            || !(given.get(1) instanceof Flag)
            || !isEmptyDict(given.get(2))) {
          throw arguments(global);
        }
        yield given.get(0);
      }
      default -> throw in.refusal("a call of '%s'", global.name());
    };
  }

  private PickleValue tensor(TorchGlobal function, List<PickleValue> given, Optional<DType> type)
      throws TensorFileException {
    if (given.size() < TENSOR
        || given.size() > TENSOR + 1
        || !(given.get(0) instanceof Storage held)
        || !(given.get(4) instanceof Flag)
        || !isEmptyDict(given.get(5))
        || (given.size() > TENSOR && !isNothing(given.get(TENSOR)))) {
      throw arguments(function);
    }
    TorchStorage storage = held.storage();
    if (storage.ofBytes() != type.isPresent()) {
      throw arguments(function);
    }
    TorchTensor tensor =
        new TorchTensor(
            storage,
            type.orElse(storage.dtype()),
            number(function, given.get(1)),
            numbers(function, given.get(2)),
            numbers(function, given.get(3)));
    if (!tensor.problem().isEmpty()) {
      throw in.problem("%s; the file is damaged or was not made by torch.save", tensor.problem());
    }
    return new Tensor(tensor);
  }

  /** Views that are negated or conjugated say so in a dictionary. */
  private static boolean isNothing(PickleValue metadata) {
    return metadata == Nothing.NONE || isEmptyDict(metadata);
  }

  private static boolean isEmptyDict(PickleValue value) {
    return value instanceof Dict dict && dict.entries.isEmpty();
  }

  private long number(TorchGlobal function, PickleValue value) throws TensorFileException {
    if (value instanceof Whole number && number.number().bitLength() < Long.SIZE) {
      return number.number().longValue();
    }
    throw arguments(function);
  }

  private List<Long> numbers(TorchGlobal function, PickleValue value) throws TensorFileException {
    if (!(value instanceof Tuple tuple)) {
      throw arguments(function);
    }
    List<Long> numbers = new ArrayList<>();
    for (PickleValue item : tuple.items()) {
      numbers.add(number(function, item));
    }
    return numbers;
  }

  private TensorFileException arguments(TorchGlobal function) {
    return in.refusal("'%s' with other arguments than those of a plain tensor", function.name());
  }

  /** The opcode BINPERSID: {@code ('storage', type, key, location, elements)}. */
  PickleValue storage(PickleValue id) throws TensorFileException {
    if (!(id instanceof Tuple tuple)
        || tuple.items().size() < STORAGE_ID
        || tuple.items().size() > STORAGE_ID + 1
        || !(tuple.items().get(0) instanceof Text kind)
        || !kind.text().equals("storage")
        || !(tuple.items().get(1) instanceof Name type)
        || (type.global().meaning() != Meaning.STORAGE && type.global().meaning() != Meaning.BYTES)
        || !(tuple.items().get(2) instanceof Text key)
        || !(tuple.items().get(3) instanceof Text)
        || !(tuple.items().get(4) instanceof Whole count)
        // in the old layout, where there once could be a view
        || (tuple.items().size() > STORAGE_ID && tuple.items().get(STORAGE_ID) != Nothing.NONE)) {
      throw in.refusal(
          "a persistent id that is %s, wanted the six parts of a storage",
          id instanceof Tuple other
              ? "a tuple of %d".formatted(other.items().size())
              : PickleValue.describe(id));
    }
    DType dtype = type.global().dtype().orElse(DType.U8);
    if (count.number().signum() < 0
        || count.number().bitLength() >= Long.SIZE
        || count.number().longValue() > TorchStorage.mostElements(dtype)) {
      throw in.problem("storage '%s' claims %s elements", key.text(), count.number());
    }
    TorchStorage storage =
        new TorchStorage(
            key.text(),
            dtype,
            type.global().meaning() == Meaning.BYTES,
            count.number().longValue());
    TorchStorage before = storages.putIfAbsent(key.text(), storage);
    if (before != null && !before.equals(storage)) {
      throw in.problem(
          "storage '%s' is %d x %s here and %d x %s before",
          key.text(), storage.elements(), storage.dtype(), before.elements(), before.dtype());
    }
    return new Storage(storage);
  }
}
