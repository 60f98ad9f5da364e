package io.github.lora4j.djl.block;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gives a base its weights with an adapter added, for one forward: {@code W + s·BA} for an adapted
 * weight, its rows given the lengths of DoRA if the adapter has them, the adapter's own copy for a
 * bias that it trains, the base's memory otherwise. All that is given belongs to the forward and is
 * freed with it.
 */
final class AdaptedStore extends ParameterStore {

  /** A block may ask for a weight more than once, e.g. in a loop over time. */
  private record Key(String parameter, Device device, boolean training) {}

  private final ParameterStore base;
  private final BlockAdapter adapter;
  private final NDManager scope;
  private final Map<Key, NDArray> given = new HashMap<>();

  /**
   * Decorates a store.
   *
   * @param base the trainer's or predictor's
   * @param adapter what to add
   * @param scope owns what is computed; closed at the end of the forward
   */
  AdaptedStore(ParameterStore base, BlockAdapter adapter, NDManager scope) {
    super(scope, false);
    this.base = base;
    this.adapter = adapter;
    this.scope = scope;
  }

  @Override
  public @Nullable NDArray getValue(
      @Nullable Parameter parameter, Device device, boolean training) {
    if (parameter == null) {
      return null; // a bias that is not there
    }
    Key key = new Key(parameter.getId(), device, training);
    NDArray known = given.get(key);
    if (known == null || known.isReleased()) {
      known = value(parameter, device, training);
      given.put(key, known);
    }
    return known;
  }

  private NDArray value(Parameter parameter, Device device, boolean training) {
    LowRankPair pair = adapter.pairOf(parameter);
    NDArray array = array(adapter.inPlaceOf(parameter), device, training);
    if (pair != null) {
      return sum(array, pair, device, training);
    }
    if (training && ParameterNames.isAverage(parameter)) {
      return mine(array.duplicate()); // a norm moves its averages in place
    }
    DataType type = parameter.getArray().getDataType();
    return array.getDataType() == type ? array : mine(array.toType(type, false)); // a copied bias
  }

  /** W + s·BA. The scaling goes where the tensor is smallest. */
  private NDArray sum(NDArray weight, LowRankPair pair, Device device, boolean training) {
    NDArray a = mine(array(pair.a(), device, training).mul(pair.scaling())); // (r, in)
    NDArray update = mine(array(pair.b(), device, training).matMul(a)); // (out, in)
    if (pair.magnitude() != null) {
      return scaled(update, weight, array(pair.magnitude(), device, training));
    }
    if (update.getDataType() != weight.getDataType()) {
      update = mine(update.toType(weight.getDataType(), false));
    }
    return update.addi(weight); // (out, in)
  }

  /** m/n·(W + s·BA), n = ‖W + s·BA‖ of each row, a constant to the gradient as in PEFT; in fp32. */
  private NDArray scaled(NDArray update, NDArray weight, NDArray magnitude) {
    NDArray wide =
        weight.getDataType() == update.getDataType()
            ? weight
            : mine(weight.toType(update.getDataType(), false));
    NDArray sum = update.addi(wide); // (out, in)
    NDArray squares = mine(mine(sum.stopGradient()).square());
    NDArray norms = mine(mine(squares.sum(new int[] {1})).sqrt()); // (out)
    NDArray factors = mine(mine(magnitude.div(norms)).reshape(new Shape(-1, 1))); // (out, 1)
    NDArray result = mine(sum.mul(factors)); // (out, in)
    return result.getDataType() == weight.getDataType()
        ? result
        : mine(result.toType(weight.getDataType(), false));
  }

  /**
   * The array itself where its gradient is wanted. Otherwise another handle of its memory: nothing
   * is recorded even on threads that record by default, and what a block does to the handle, such
   * as IdEmbedding lending its table to a manager of its own, no other thread sees.
   */
  private NDArray array(Parameter parameter, Device device, boolean training) {
    NDArray array = base.getValue(parameter, device, training);
    return training && parameter.requiresGradient() ? array : mine(array.stopGradient());
  }

  /** DJL gives a result to the manager of the receiver, here the model's, where it would stay. */
  private NDArray mine(NDArray result) {
    result.attach(scope);
    return result;
  }

  @Override
  public NDManager getManager() {
    return base.getManager();
  }

  @Override
  public void updateAllParameters() {
    base.updateAllParameters();
  }

  @Override
  public void sync() {
    base.sync();
  }
}
