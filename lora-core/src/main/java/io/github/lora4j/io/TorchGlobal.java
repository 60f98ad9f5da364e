package io.github.lora4j.io;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A name of Python that {@code torch.save} writes for a dictionary of tensors. There are no others:
 * a name is looked up in this table and nowhere else.
 *
 * @param name module and name
 * @param meaning what it stands for
 * @param dtype of storages and of types of elements
 */
record TorchGlobal(String name, Meaning meaning, Optional<DType> dtype) {

  enum Meaning {
    /** {@code collections.OrderedDict}. */
    ORDERED_DICT,
    /** A tensor, of a storage of its type. */
    TENSOR,
    /** A tensor, of a storage of bytes and a type. */
    TENSOR_OF_BYTES,
    /** {@code torch.nn.Parameter} around a tensor. */
    PARAMETER,
    /** A storage of elements of a type. */
    STORAGE,
    /** A storage of bytes. */
    BYTES,
    /** A type of elements. */
    DTYPE
  }

  private static final Map<String, TorchGlobal> ALL = new HashMap<>();

  static {
    add("collections.OrderedDict", Meaning.ORDERED_DICT);
    add("torch._utils._rebuild_tensor_v2", Meaning.TENSOR);
    add("torch._utils._rebuild_tensor_v3", Meaning.TENSOR_OF_BYTES);
    add("torch._utils._rebuild_parameter", Meaning.PARAMETER);
    add("torch.storage.UntypedStorage", Meaning.BYTES);
    storage("Double", DType.F64);
    storage("Float", DType.F32);
    storage("Half", DType.F16);
    storage("BFloat16", DType.BF16);
    storage("Long", DType.I64);
    storage("Int", DType.I32);
    storage("Short", DType.I16);
    storage("Char", DType.I8);
    storage("Byte", DType.U8);
    storage("Bool", DType.BOOL);
    // those that never had a storage of their own
    dtype("uint16", DType.U16);
    dtype("uint32", DType.U32);
    dtype("uint64", DType.U64);
    dtype("float8_e4m3fn", DType.F8_E4M3);
    dtype("float8_e4m3fnuz", DType.F8_E4M3FNUZ);
    dtype("float8_e5m2", DType.F8_E5M2);
    dtype("float8_e5m2fnuz", DType.F8_E5M2FNUZ);
    dtype("float8_e8m0fnu", DType.F8_E8M0);
  }

  private static void add(String name, Meaning meaning) {
    ALL.put(name, new TorchGlobal(name, meaning, Optional.empty()));
  }

  private static void storage(String type, DType dtype) {
    String name = "torch." + type + "Storage";
    ALL.put(name, new TorchGlobal(name, Meaning.STORAGE, Optional.of(dtype)));
  }

  private static void dtype(String type, DType dtype) {
    ALL.put("torch." + type, new TorchGlobal("torch." + type, Meaning.DTYPE, Optional.of(dtype)));
  }

  /** By module and name, as the pickle gives them: a dot in the second hides no other module. */
  static Optional<TorchGlobal> find(String module, String name) {
    return name.indexOf('.') < 0
        ? Optional.ofNullable(ALL.get(module + "." + name))
        : Optional.empty();
  }
}
