package io.github.lora4j.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The layout of PyTorch 1.6 and later: a zip archive of stored entries, all in one directory of any
 * name: {@code data.pkl} with the dictionary, {@code data/KEY} with each storage, and notes.
 */
final class TorchArchive {

  private static final String PICKLE = "data.pkl";
  private static final String STORAGES = "data/";

  /** Entries beside the dictionary and the storages; those that begin with a dot are notes too. */
  private static final Set<String> NOTES = Set.of("version", "byteorder");

  private final TensorBytes file;
  private final Map<String, ZipEntries.Entry> entries = new LinkedHashMap<>();

  private TorchArchive(TensorBytes file) {
    this.file = file;
  }

  static TorchLayout read(TensorBytes file) throws IOException {
    return new TorchArchive(file).layout();
  }

  private TorchLayout layout() throws IOException {
    String top = "";
    for (ZipEntries.Entry entry : ZipEntries.read(file)) {
      String name = entry.name();
      if (top.isEmpty()) {
        top = name.substring(0, name.indexOf('/') + 1);
      }
      if (top.isEmpty() || !name.startsWith(top)) {
        throw problem("entry '%.200s' stands outside of the directory '%.80s'", name, top);
      }
      entries.put(name.substring(top.length()), entry);
    }
    checkNames();
    checkByteOrder();
    PickleInput in = new PickleInput(file.name(), PICKLE, pickle());
    Unpickler pickle = new Unpickler(in);
    Map<String, TorchTensor> tensors = TorchLayout.tensorsOf(file.name(), pickle.read());
    if (in.remaining() > 0) {
      throw in.problem("%d bytes follow the pickle", in.remaining());
    }
    return new TorchLayout(tensors, starts(pickle.storages()));
  }

  private void checkNames() throws TensorFileException {
    if (!entries.containsKey(PICKLE)) {
      throw problem("has no entry 'data.pkl', wanted an archive of torch.save");
    }
    if (entries.containsKey("constants.pkl")) {
      throw problem("is a TorchScript program, wanted a dictionary of tensors");
    }
    for (String name : entries.keySet()) {
      boolean known =
          name.equals(PICKLE)
              || name.startsWith(STORAGES)
              || name.startsWith(".")
              || NOTES.contains(name);
      if (!known || name.contains("..")) {
        throw problem("entry '%.200s' is none that torch.save writes", name);
      }
    }
  }

  private void checkByteOrder() throws IOException {
    ZipEntries.Entry entry = entries.get("byteorder");
    if (entry == null) {
      return; // PyTorch before 2.1
    }
    int shown = (int) Math.min(entry.bytes(), 16);
    String order = StandardCharsets.ISO_8859_1.decode(file.read(entry.start(), shown)).toString();
    if (!order.equals("little")) {
      throw problem("byte order '%s', wanted 'little'; save it on another machine", order);
    }
  }

  private ByteBuffer pickle() throws IOException {
    ZipEntries.Entry entry = entries.get(PICKLE);
    long length = entry == null ? 0 : entry.bytes();
    if (entry == null || length > TorchLayout.longestPickle()) {
      throw problem(
          "data.pkl has %d bytes, at most %d are read; with a larger heap (-Xmx) some more",
          length, TorchLayout.longestPickle());
    }
    return file.read(entry.start(), (int) length);
  }

  private Map<String, Long> starts(Map<String, TorchStorage> storages) throws TensorFileException {
    Map<String, Long> starts = new LinkedHashMap<>();
    Set<String> unused = new HashSet<>(entries.keySet());
    for (TorchStorage storage : storages.values()) {
      String name = STORAGES + storage.key();
      ZipEntries.Entry entry = entries.get(name);
      if (entry == null || entry.bytes() != storage.bytes()) {
        throw problem(
            "storage '%.80s' needs an entry '%.80s' of %d bytes, found %s; the file is damaged",
            storage.key(),
            name,
            storage.bytes(),
            entry == null ? "none" : entry.bytes() + " bytes");
      }
      starts.put(storage.key(), entry.start());
      unused.remove(name);
    }
    for (String name : unused) {
      if (name.startsWith(STORAGES)) {
        throw problem("entry '%.200s' belongs to no tensor", name);
      }
    }
    return starts;
  }

  private TensorFileException problem(String format, Object... arguments) {
    return new TensorFileException(file.name(), format.formatted(arguments));
  }
}
