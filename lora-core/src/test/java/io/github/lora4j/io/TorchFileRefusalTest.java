package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Pickles that are more, or less, than a dictionary of tensors: refused by name, never run. */
class TorchFileRefusalTest {

  private static final long HUGE = 1L << 40;

  /** What torch and Python really write, in files of torch 2.13. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "command ¦ GLOBAL 'posix.system' is refused",
        "attribute ¦ GLOBAL 'torch._tensor._rebuild_from_type_v2' is refused",
        "parameter-attribute ¦ GLOBAL 'torch._utils._rebuild_parameter_with_state' is refused",
        "sparse ¦ GLOBAL 'torch._utils._rebuild_sparse_tensor' is refused",
        "quantised ¦ GLOBAL 'torch._utils._rebuild_qtensor' is refused",
        "complex ¦ GLOBAL 'torch.ComplexFloatStorage' is refused",
        "negated ¦ 'torch._utils._rebuild_tensor_v2' with other arguments than those of a plain tensor",
        "expanded ¦ a tensor of shape [1000], strides [0] and offset 0 leaves or repeats",
        "number ¦ 'epoch' is a number, wanted a tensor; save the adapter's state_dict() itself",
        "nested ¦ 'state_dict' is a dictionary, wanted a tensor",
        "bare ¦ holds a tensor, wanted a dictionary of tensors",
        "list ¦ holds a list, wanted a dictionary of tensors",
        "module ¦ GLOBAL 'torch.nn.modules.linear.Linear' is refused",
        "size ¦ GLOBAL 'torch.Size' is refused",
        "protocol-0 ¦ data.pkl, byte 1: the opcode DICT is refused"
      })
  void whatIsNoPlainTensorIsRefusedByName(String name, String message) {
    assertThatThrownBy(() -> TorchFile.open(Golden.path("torch/refused-" + name + ".bin")))
        .isInstanceOf(TensorFileException.class)
        .hasMessageContaining("refused-" + name + ".bin: ")
        .hasMessageContaining(message);
  }

  private static Arguments hostile(String name, String message, RawTorch pickle) {
    return Arguments.of(Named.of(name, pickle.bytes()), message);
  }

  private static RawTorch pickle() {
    return RawTorch.pickle();
  }

  static Stream<Arguments> hostilePickles() {
    return Stream.of(
        hostile(
            "GLOBAL and REDUCE",
            "GLOBAL 'os.system' is refused",
            pickle().global("os", "system").op('(').text("true").ops("tR")),
        hostile(
            "of a call in a dictionary, after a tensor that is right",
            "GLOBAL 'builtins.eval' is refused",
            pickle()
                .op('}')
                .text("a")
                .tensor("0", 2, 0, new long[] {2}, new long[] {1})
                .op('s')
                .text("b")
                .global("builtins", "eval")
                .op('(')
                .text("1")
                .ops("tRs")),
        hostile(
            "STACK_GLOBAL",
            "STACK_GLOBAL 'os.system' is refused",
            pickle().text("os").text("system").op(0x93)),
        hostile(
            "STACK_GLOBAL with a dotted name",
            "STACK_GLOBAL 'torch.storage.os.system' is refused",
            pickle().text("torch").text("storage.os.system").op(0x93)),
        hostile(
            "allowed name in two other pieces",
            "STACK_GLOBAL 'torch._utils._rebuild_tensor_v2' is refused",
            pickle().text("torch").text("_utils._rebuild_tensor_v2").op(0x93)),
        hostile(
            "STACK_GLOBAL of no texts",
            "STACK_GLOBAL of a tuple and a dictionary is refused",
            pickle().ops(")}").op(0x93)),
        hostile(
            "STACK_GLOBAL through the memo",
            "STACK_GLOBAL 'subprocess.Popen' is refused",
            pickle().text("subprocess").ops("q\0").text("Popen").ops("q\1h\0h\1").op(0x93)),
        hostile(
            "INST",
            "INST 'os.system' is refused",
            pickle().op('(').text("true").op('i').line("os").line("system")),
        hostile(
            "OBJ",
            "the opcode OBJ is refused",
            pickle().op('(').global("torch", "FloatStorage").op('o')),
        hostile(
            "NEWOBJ",
            "the opcode NEWOBJ is refused",
            pickle().global("collections", "OrderedDict").op(')').op(0x81)),
        hostile(
            "NEWOBJ_EX",
            "the opcode NEWOBJ_EX is refused",
            pickle().global("collections", "OrderedDict").ops(")}").op(0x92)),
        hostile(
            "EXT1",
            "EXT1, the name with number 5 of a registry, is refused",
            pickle().op(0x82).op(5)),
        hostile("EXT2", "EXT2, the name with number 513", pickle().op(0x83).op(1).op(2)),
        hostile("EXT4", "EXT4, the name with number 7", pickle().op(0x84).int4(7)),
        hostile(
            "PERSID", "PERSID 'http://host/x' is refused", pickle().op('P').line("http://host/x")),
        hostile(
            "BINPERSID of a text",
            "a persistent id that is a text, wanted the six parts of a storage is refused",
            pickle().text("/etc/passwd").op('Q')),
        hostile(
            "BINPERSID of a tuple that is too short",
            "a persistent id that is a tuple of 2",
            pickle().text("storage").text("0").op(0x86).op('Q')),
        hostile(
            "BINPERSID of another kind",
            "a persistent id that is a tuple of 5",
            pickle()
                .op('(')
                .text("module")
                .global("torch", "FloatStorage")
                .text("0")
                .text("cpu")
                .number(2)
                .ops("tQ")),
        hostile(
            "BINPERSID of a function for a type",
            "a persistent id that is a tuple of 5",
            pickle()
                .op('(')
                .text("storage")
                .global("torch._utils", "_rebuild_tensor_v2")
                .text("0")
                .text("cpu")
                .number(2)
                .ops("tQ")),
        hostile(
            "BINPERSID with a view",
            "a persistent id that is a tuple of 6",
            pickle()
                .op('(')
                .text("storage")
                .global("torch", "FloatStorage")
                .text("0")
                .text("cpu")
                .number(2)
                .numbers(1, 2)
                .ops("tQ")),
        hostile(
            "storage of a negative size",
            "storage '0' claims -2 elements",
            pickle().storage("0", -2)),
        hostile(
            "storage whose bytes overflow",
            "storage '0' claims 9223372036854775807 elements",
            pickle().storage("0", Long.MAX_VALUE)),
        hostile(
            "storage of two sizes",
            "storage '0' is 3 x F32 here and 2 x F32 before",
            pickle().storage("0", 2).storage("0", 3)),
        hostile(
            "call of a storage",
            "a call of 'torch.FloatStorage' is refused",
            pickle().global("torch", "FloatStorage").number(HUGE).op(0x85).op('R')),
        hostile(
            "call of a type",
            "a call of 'torch.uint16' is refused",
            pickle().global("torch", "uint16").ops(")R")),
        hostile("call of a text", "a call of a text is refused", pickle().text("eval").ops(")R")),
        hostile(
            "call without a tuple",
            "'collections.OrderedDict' called with a list is refused",
            pickle().global("collections", "OrderedDict").ops("]R")),
        hostile(
            "OrderedDict of items",
            "'collections.OrderedDict' called with 1 arguments",
            pickle().global("collections", "OrderedDict").op(']').op(0x85).op('R')),
        hostile(
            "parameter around no tensor",
            "'torch._utils._rebuild_parameter' with other arguments",
            pickle()
                .global("torch._utils", "_rebuild_parameter")
                .ops("}")
                .op(0x88)
                .orderedDict()
                .op(0x87)
                .op('R')),
        hostile(
            "BUILD of a tensor",
            "BUILD of a tensor is refused",
            pickle().tensor("0", 2, 0, new long[] {2}, new long[] {1}).ops("}b")),
        hostile(
            "BUILD of a plain dictionary", "BUILD of a dictionary is refused", pickle().ops("}}b")),
        hostile(
            "BUILD of another attribute",
            "the attribute '__class__' of a dictionary is refused",
            pickle().orderedDict().op('}').text("__class__").ops("}sb")),
        hostile(
            "key that is no text",
            "a key that is a tuple, wanted a text, is refused",
            pickle().ops("}))s")),
        hostile(
            "key that stands twice",
            "'a' stands twice in a dictionary",
            pickle().op('}').text("a").ops(")s").text("a").ops(")s")),
        hostile("items of a list", "2 items set in a list is refused", pickle().ops("]))s")),
        hostile("odd items", "1 items set in a dictionary is refused", pickle().ops("}()u")),
        hostile(
            "append to a dictionary", "appending to a dictionary is refused", pickle().ops("})a")),
        hostile("float", "the opcode BINFLOAT is refused", pickle().op('G')),
        hostile(
            "bytes", "the opcode BINBYTES is refused", pickle().op('B').int4(Integer.MAX_VALUE)),
        hostile("long text", "the opcode BINUNICODE8 is refused", pickle().op(0x8d)),
        hostile("long number", "the opcode LONG4 is refused", pickle().op(0x8b).int4(-1)),
        hostile("buffer", "the opcode BYTEARRAY8 is refused", pickle().op(0x96)),
        hostile("set", "the opcode EMPTY_SET is refused", pickle().op(0x8f)),
        hostile("duplicate", "the opcode DUP is refused", pickle().ops(")2")),
        hostile("unknown opcode", "0xff is no opcode of a pickle", pickle().op(0xff)),
        hostile("other protocol", "pickle protocol 200, wanted 2 to 5", pickle().op(0x80).op(200)),
        hostile(
            "text beyond the end",
            "wants 2147483647 bytes more",
            pickle().op('X').int4(Integer.MAX_VALUE)),
        hostile("text of 4 GB", "wants 4294967295 bytes more", pickle().op('X').int4(-1)),
        hostile("text that is not UTF-8", "a text is not UTF-8", pickle().op('X').int4(1).op(0xff)),
        hostile("frame beyond the end", "a frame of -1 bytes", pickle().op(0x95).int4(-1).int4(-1)),
        hostile("memo out of order", "memo 9 is filled after 0 others", pickle().ops("}q\t")),
        hostile(
            "memo of 2 GB",
            "memo 2147483647 is filled after 0",
            pickle().ops("}r").int4(Integer.MAX_VALUE)),
        hostile(
            "memo that is not there", "memo 3 is asked for, but there are 0", pickle().ops("}h\3")),
        hostile("memo of nothing", "wants 1 values, but there are 0", pickle().ops("q\0")),
        hostile("empty stack", "wants 1 values, but there are 0", pickle().op('R')),
        hostile("pop below a mark", "wants 1 values, but there are 0", pickle().ops("}(Q")),
        hostile("no mark", "wants a mark, but there is none", pickle().op('t')),
        hostile("values left over", "the pickle ends with 1 values left over", pickle().ops("}}")),
        hostile("open mark", "the pickle ends with 1 values left over", pickle().ops("}(}")),
        hostile(
            "endless name",
            "a name does not end within 256 bytes",
            pickle().op('c').ops("x".repeat(300)).op('\n')),
        hostile(
            "name without an end",
            "a name does not end within 256 bytes",
            pickle().op('c').ops("os")),
        hostile("nested marks", "more than 64 open marks", pickle().ops("(".repeat(100))),
        hostile("many values", "more than 65536 values at once", pickle().ops(")".repeat(70_000))));
  }

  @ParameterizedTest
  @MethodSource("hostilePickles")
  void hostilePickleIsRefusedByNameInBothLayouts(byte[] pickle, String message) {
    for (byte[] file : List.of(RawTorch.zip(pickle), RawTorch.stream(pickle))) {
      refused(file, message);
    }
  }

  static Stream<Arguments> claims() {
    return Stream.of(
        Arguments.of("leaves or repeats its storage of 2", 0, new long[] {3}, new long[] {1}),
        Arguments.of("leaves or repeats its storage of 2", 1, new long[] {2}, new long[] {1}),
        Arguments.of("leaves or repeats its storage of 2", 0, new long[] {2}, new long[] {2}),
        Arguments.of("leaves or repeats its storage of 2", 3, new long[] {0}, new long[] {1}),
        Arguments.of("leaves or repeats its storage of 2", HUGE, new long[] {1}, new long[] {1}),
        Arguments.of("leaves or repeats its storage of 2", 0, new long[] {HUGE}, new long[] {0}),
        Arguments.of("leaves or repeats its storage of 2", 0, new long[] {2, 2}, new long[] {0, 1}),
        Arguments.of("strides [1, 1] overflows", 0, new long[] {HUGE, HUGE}, new long[] {1, 1}),
        Arguments.of("overflows", 0, new long[] {2}, new long[] {Long.MAX_VALUE}),
        Arguments.of("of which one is negative", -1, new long[] {1}, new long[] {1}),
        Arguments.of("of which one is negative", 0, new long[] {-1}, new long[] {1}),
        Arguments.of("of which one is negative", 1, new long[] {2}, new long[] {-1}),
        Arguments.of("has 2 dimensions and 1 strides", 0, new long[] {1, 1}, new long[] {1}),
        Arguments.of("has 65 dimensions", 0, new long[65], new long[65]));
  }

  @ParameterizedTest
  @MethodSource("claims")
  void tensorThatItsStorageCannotHoldIsRefused(
      String message, long offset, long[] shape, long[] strides) {
    byte[] pickle =
        RawTorch.pickle().op('}').text("a").tensor("0", 2, offset, shape, strides).op('s').bytes();

    refused(RawTorch.zip(pickle), message);
    refused(RawTorch.stream(pickle), message);
  }

  @Test
  void tensorsThatClaimOneStorageOverAndOverAreRefused() {
    RawTorch pickle = RawTorch.pickle().ops("}(");
    pickle.text("t0").tensor("0", 100_000, 0, new long[] {100_000}, new long[] {1}).ops("q\0");
    for (int i = 1; i < 40; i++) {
      pickle.text("t" + i).ops("h\0");
    }
    byte[] bytes = pickle.op('u').bytes();

    refused(
        RawTorch.stream(bytes, RawTorch.keys("0"), RawTorch.storage(100_000, 400_000)),
        "its tensors claim more than 16 times the");
  }

  @Test
  void valuesThatGrowByTheMemoTakeNoTimeAndNoMemory() {
    RawTorch pickle = RawTorch.pickle().op('}').text("a").ops(")q\0");
    for (int i = 0; i < 200; i++) { // each tuple holds the last one twice: 2^200 leaves
      pickle.op('h').op(i).op(0x86).op('q').op(i + 1);
    }

    refused(RawTorch.zip(pickle.op('s').bytes()), "'a' is a tuple, wanted a tensor");
  }

  @Test
  void deepNestingIsReadWithoutRecursion() {
    RawTorch pickle = RawTorch.pickle().op('}').text("a").op(')');
    for (int i = 0; i < 100_000; i++) {
      pickle.op(0x85);
    }

    refused(RawTorch.zip(pickle.op('s').bytes()), "'a' is a tuple, wanted a tensor");
  }

  @Test
  void dictionaryInItselfIsRefused() {
    refused(
        RawTorch.zip(RawTorch.pickle().ops("}q\0").text("a").ops("h\0s").bytes()),
        "'a' is a dictionary, wanted a tensor");
  }

  @Test
  void namesFromTheFileCannotSteerATerminal() {
    refused(
        RawTorch.zip(RawTorch.pickle().global("os", "\u001b[2Jsystem").bytes()),
        "GLOBAL 'os.\\u001b[2Jsystem' is refused");
  }

  @Test
  void messageSaysWhatToDo() {
    assertThatThrownBy(() -> open(RawTorch.zip(RawTorch.pickle().global("os", "system").bytes())))
        .hasMessage(
            "adapter_model.bin: data.pkl, byte 2: GLOBAL 'os.system' is refused; of a pickle, only"
                + " the dictionary of tensors that torch.save writes is read, and nothing in it was"
                + " run; have the adapter saved as adapter_model.safetensors");
  }

  private static void refused(byte[] file, String... messages) {
    assertThatThrownBy(() -> open(file))
        .isInstanceOf(TensorFileException.class)
        .hasMessageStartingWith("adapter_model.bin: ")
        .hasMessageContainingAll(messages);
  }

  private static void open(byte[] file) throws IOException {
    try (TorchFile tensors = TorchFile.of("adapter_model.bin", ByteBuffer.wrap(file))) {
      assertThat(tensors.tensors()).isNotNull();
    }
  }
}
