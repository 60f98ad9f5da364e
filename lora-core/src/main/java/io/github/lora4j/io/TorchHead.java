package io.github.lora4j.io;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Tells by its first bytes what a file is that is called like one of {@code torch.save}. */
final class TorchHead {

  /** So many are looked at. */
  static final int BYTES = 512;

  private static final int TAR_AT = 257;
  private static final String PICKLE = "\u0080";

  private TorchHead() {}

  /**
   * True for the zip archives of PyTorch 1.6 and later; false for what begins as a pickle.
   *
   * @throws TensorFileException if it is neither, saying what it is
   */
  static boolean isZip(String file, ByteBuffer head) throws TensorFileException {
    String text = StandardCharsets.ISO_8859_1.decode(head.slice()).toString();
    if (text.startsWith("PK\u0003\u0004")) {
      return true;
    }
    String problem = problem(text);
    if (!problem.isEmpty()) {
      throw new TensorFileException(file, problem);
    }
    return false;
  }

  private static String problem(String text) {
    if (text.isEmpty()) {
      return "is empty; fetch it again";
    } else if (text.startsWith("version https://git-lfs")) {
      return "is the pointer that git leaves without its large-file extension; run git lfs pull";
    } else if (text.startsWith("{", Long.BYTES) && !text.startsWith(PICKLE)) {
      return "looks like a safetensors file; call it adapter_model.safetensors";
    } else if (text.startsWith("<")) {
      return "is a web page, wanted a file of torch.save; fetch the file itself";
    } else if (text.startsWith("ustar", TAR_AT)) {
      return "is a tar archive, as PyTorch before 0.1.10 wrote them; save it anew";
    }
    return "";
  }
}
