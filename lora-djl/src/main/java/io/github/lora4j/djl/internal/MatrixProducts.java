package io.github.lora4j.djl.internal;

import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who multiplies the matrices of one base. There is a choice in fp32 on the CPU only, where
 * libtorch has MKL and oneDNN; results differ in their last bits.
 */
public final class MatrixProducts {

  /** A library by the name that users see. */
  public enum Library {
    /** torch's own product. */
    MKL,
    /** The other one. */
    ONEDNN
  }

  private static final Logger LOG = LoggerFactory.getLogger(MatrixProducts.class);

  private static final class Measured {
    static final Library FASTER = measure();

    private static Library measure() {
      Processor.Fp32Products times = Processor.fp32Products();
      Library faster = times.oneDnnWins() ? Library.ONEDNN : Library.MKL;
      LOG.info(
          "fp32 products on the CPU by {}: MKL took {} ms, oneDNN {} ms",
          faster,
          Math.round(times.mkl() * 10) / 10.0,
          Math.round(times.oneDnn() * 10) / 10.0);
      return faster;
    }
  }

  private final Supplier<Optional<Library>> library;

  private MatrixProducts(Supplier<Optional<Library>> library) {
    this.library = library;
  }

  /**
   * Where there is nothing to choose.
   *
   * @return products of half precision, or of a GPU
   */
  public static MatrixProducts only() {
    return new MatrixProducts(Optional::empty);
  }

  /**
   * Always by one library.
   *
   * @param library which
   * @return its products
   */
  public static MatrixProducts by(Library library) {
    return new MatrixProducts(() -> Optional.of(library));
  }

  /**
   * By the faster library, which is measured once per process when the first product is asked for.
   *
   * @return its products
   */
  public static MatrixProducts measured() {
    return new MatrixProducts(() -> Optional.of(Measured.FASTER));
  }

  /**
   * What kernels are told.
   *
   * @return whether oneDNN multiplies
   */
  public boolean oneDnn() {
    return library().equals(Optional.of(Library.ONEDNN));
  }

  /**
   * The library, measuring now if that has not been done.
   *
   * @return empty where there is nothing to choose
   */
  public Optional<Library> library() {
    return library.get();
  }
}
