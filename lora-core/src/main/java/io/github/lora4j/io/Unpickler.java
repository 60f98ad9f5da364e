package io.github.lora4j.io;

import io.github.lora4j.io.PickleValue.Dict;
import io.github.lora4j.io.PickleValue.Flag;
import io.github.lora4j.io.PickleValue.Items;
import io.github.lora4j.io.PickleValue.Name;
import io.github.lora4j.io.PickleValue.Nothing;
import io.github.lora4j.io.PickleValue.Text;
import io.github.lora4j.io.PickleValue.Tuple;
import io.github.lora4j.io.PickleValue.Whole;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads a pickle as far as {@code torch.save} writes one for a dictionary of tensors. It knows no
 * opcode and no name beyond those, so there is nothing that it could run; time and memory are
 * bounded by the pickle's own length.
 */
final class Unpickler {

  /** Python writes at most 1,000 entries of a dictionary before it puts them into it. */
  private static final int MOST_VALUES = 1 << 16;

  /** Open marks; the tensors of a dictionary take four. */
  private static final int MOST_MARKS = 64;

  private static final int PROTOCOLS_FROM = 2;
  private static final int PROTOCOLS_TO = 5;

  private final PickleInput in;
  private final TorchCalls calls;
  private final List<PickleValue> stack = new ArrayList<>();
  private final List<PickleValue> memo = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();

  Unpickler(PickleInput in) {
    this.in = in;
    this.calls = new TorchCalls(in);
  }

  /** The storages that the pickle names. */
  Map<String, TorchStorage> storages() {
    return calls.storages();
  }

  /** Reads one pickle, up to its STOP. */
  PickleValue read() throws TensorFileException {
    while (true) {
      PickleOpcode opcode = in.opcode();
      if (opcode == PickleOpcode.STOP) {
        PickleValue result = pop();
        if (!stack.isEmpty() || !marks.isEmpty()) {
          throw in.problem("the pickle ends with %d values left over", stack.size());
        }
        return result;
      }
      step(opcode);
    }
  }

  private void step(PickleOpcode opcode) throws TensorFileException {
    switch (opcode) {
      case PROTO -> protocol(in.u1());
      case FRAME -> frame(in.i8());
      case NONE -> push(Nothing.NONE);
      case NEWTRUE -> push(new Flag(true));
      case NEWFALSE -> push(new Flag(false));
      case BININT -> push(number(in.i4()));
      case BININT1 -> push(number(in.u1()));
      case BININT2 -> push(number(in.u2()));
      case LONG1 -> push(new Whole(in.number(in.u1())));
      case BINUNICODE -> push(new Text(in.text(in.i4() & 0xFFFFFFFFL)));
      case SHORT_BINUNICODE -> push(new Text(in.text(in.u1())));
      case EMPTY_TUPLE -> push(Tuple.EMPTY);
      case EMPTY_LIST -> push(new Items());
      case EMPTY_DICT -> push(new Dict(false));
      case MARK -> mark();
      case TUPLE -> push(new Tuple(popToMark()));
      case TUPLE1 -> push(new Tuple(popLast(1)));
      case TUPLE2 -> push(new Tuple(popLast(2)));
      case TUPLE3 -> push(new Tuple(popLast(3)));
      case APPEND -> append(popLast(1));
      case APPENDS -> append(popToMark());
      case SETITEM -> setItems(popLast(2));
      case SETITEMS -> setItems(popToMark());
      case BINPUT -> memoise(in.u1());
      case LONG_BINPUT -> memoise(in.i4());
      case MEMOIZE -> memoise(memo.size());
      case BINGET -> recall(in.u1());
      case LONG_BINGET -> recall(in.i4());
      case GLOBAL -> push(global(opcode, in.line(), in.line()));
      case STACK_GLOBAL -> stackGlobal();
      case BINPERSID -> push(calls.storage(pop()));
      case REDUCE -> reduce();
      case BUILD -> build();
      default -> throw refusal(opcode);
    }
  }

  /** Names what would have been called, where the opcode says it. */
  private TensorFileException refusal(PickleOpcode opcode) throws TensorFileException {
    return switch (opcode) {
      case INST -> in.refusal("%s '%s.%s'", opcode, in.line(), in.line());
      case PERSID -> in.refusal("%s '%s'", opcode, in.line());
      case EXT1 -> in.refusal("%s, the name with number %d of a registry,", opcode, in.u1());
      case EXT2 -> in.refusal("%s, the name with number %d of a registry,", opcode, in.u2());
      case EXT4 -> in.refusal("%s, the name with number %d of a registry,", opcode, in.i4());
      default -> in.refusal("the opcode %s", opcode);
    };
  }

  private void protocol(int version) throws TensorFileException {
    if (version < PROTOCOLS_FROM || version > PROTOCOLS_TO) {
      throw in.problem(
          "pickle protocol %d, wanted %d to %d", version, PROTOCOLS_FROM, PROTOCOLS_TO);
    }
  }

  /** A note for who reads by blocks. */
  private void frame(long length) throws TensorFileException {
    if (length < 0 || length > in.remaining()) {
      throw in.problem(
          "a frame of %d bytes where %d are left; the file is truncated or damaged",
          length, in.remaining());
    }
  }

  private static Whole number(int value) {
    return new Whole(BigInteger.valueOf(value));
  }

  private void push(PickleValue value) throws TensorFileException {
    if (stack.size() == MOST_VALUES) {
      throw in.problem("more than %d values at once%s", MOST_VALUES, PickleInput.ADVICE);
    }
    stack.add(value);
  }

  private PickleValue pop() throws TensorFileException {
    require(1);
    return stack.remove(stack.size() - 1);
  }

  private PickleValue top() throws TensorFileException {
    require(1);
    return stack.get(stack.size() - 1);
  }

  private void require(int count) throws TensorFileException {
    int floor = marks.isEmpty() ? 0 : marks.get(marks.size() - 1);
    if (stack.size() - floor < count) {
      throw in.problem(
          "wants %d values, but there are %d; the file is damaged", count, stack.size() - floor);
    }
  }

  private List<PickleValue> popLast(int count) throws TensorFileException {
    require(count);
    return popFrom(stack.size() - count);
  }

  private List<PickleValue> popFrom(int from) {
    List<PickleValue> last = stack.subList(from, stack.size());
    List<PickleValue> values = List.copyOf(last);
    last.clear();
    return values;
  }

  private void mark() throws TensorFileException {
    if (marks.size() == MOST_MARKS) {
      throw in.problem("more than %d open marks%s", MOST_MARKS, PickleInput.ADVICE);
    }
    marks.add(stack.size());
  }

  private List<PickleValue> popToMark() throws TensorFileException {
    if (marks.isEmpty()) {
      throw in.problem("wants a mark, but there is none; the file is damaged");
    }
    return popFrom(marks.remove(marks.size() - 1));
  }

  private void append(List<PickleValue> values) throws TensorFileException {
    if (!(top() instanceof Items list)) {
      throw in.refusal("appending to %s", PickleValue.describe(top()));
    }
    list.items.addAll(values);
  }

  private void setItems(List<PickleValue> pairs) throws TensorFileException {
    if (!(top() instanceof Dict dict) || pairs.size() % 2 != 0) {
      throw in.refusal("%d items set in %s", pairs.size(), PickleValue.describe(top()));
    }
    for (int i = 0; i < pairs.size(); i += 2) {
      if (!(pairs.get(i) instanceof Text key)) {
        throw in.refusal("a key that is %s, wanted a text,", PickleValue.describe(pairs.get(i)));
      }
      if (dict.entries.put(key.text(), pairs.get(i + 1)) != null) {
        throw in.problem("'%s' stands twice in a dictionary", key.text());
      }
    }
  }

  /** Pickle numbers what it may come back to from 0 on. */
  private void memoise(int slot) throws TensorFileException {
    if (slot != memo.size()) {
      throw in.problem(
          "memo %d is filled after %d others%s", slot, memo.size(), PickleInput.ADVICE);
    }
    memo.add(top());
  }

  private void recall(int slot) throws TensorFileException {
    if (slot < 0 || slot >= memo.size()) {
      throw in.problem(
          "memo %d is asked for, but there are %d; the file is damaged", slot, memo.size());
    }
    push(memo.get(slot));
  }

  private void stackGlobal() throws TensorFileException {
    PickleValue name = pop();
    PickleValue module = pop();
    if (!(module instanceof Text moduleText) || !(name instanceof Text nameText)) {
      throw in.refusal(
          "STACK_GLOBAL of %s and %s", PickleValue.describe(module), PickleValue.describe(name));
    }
    push(global(PickleOpcode.STACK_GLOBAL, moduleText.text(), nameText.text()));
  }

  private Name global(PickleOpcode opcode, String module, String name) throws TensorFileException {
    return new Name(
        TorchGlobal.find(module, name)
            .orElseThrow(() -> in.refusal("%s '%s'", opcode, cut(module + "." + name))));
  }

  private static String cut(String name) {
    return name.length() > 200 ? name.substring(0, 200) + "…" : name;
  }

  private void reduce() throws TensorFileException {
    PickleValue arguments = pop();
    PickleValue function = pop();
    push(calls.call(function, arguments));
  }

  /** Attributes of an ordered dictionary: the versions of modules that a state_dict() carries. */
  private void build() throws TensorFileException {
    PickleValue state = pop();
    if (!(top() instanceof Dict target) || !target.ordered || !(state instanceof Dict attributes)) {
      throw in.refusal("BUILD of %s", PickleValue.describe(top()));
    }
    for (String name : attributes.entries.keySet()) {
      if (!name.equals("_metadata")) {
        throw in.refusal("the attribute '%s' of a dictionary", cut(name));
      }
    }
  }
}
