package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.Normalisation;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.Tape;
import org.jspecify.annotations.Nullable;

/**
 * A linear map behind the blocks of a model, to the width of its head: {@code y = W norm(x)}.
 *
 * @param path of the map, with the dot at its end
 * @param norm before it, null for none
 * @param map the map
 */
public record ProjectionBlock(String path, @Nullable Normalisation norm, Projection map)
    implements Block {

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray n = norm == null ? x : norm.forward(x, inner, tape);
      return inner.lift(map.forward(n, inner, tape), pass);
    }
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      map.replay(norm == null ? x : norm.forward(x, inner, tape), inner, tape);
    }
  }

  @Override
  public @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput) {
    try (Pass inner = pass.nested()) {
      boolean wantNorm = norm != null && norm.trained(pass);
      NDArray dn = map.backward(dy, inner, tape, wantInput || wantNorm);
      if (dn == null) {
        return null;
      }
      if (norm == null) {
        return inner.lift(dn, pass);
      }
      if (!wantInput) {
        norm.accumulate(dn, inner, tape);
        return null;
      }
      return inner.lift(norm.backward(dn, inner, tape), pass);
    }
  }
}
