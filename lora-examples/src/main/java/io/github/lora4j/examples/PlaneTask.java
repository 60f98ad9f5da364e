package io.github.lora4j.examples;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import java.util.Random;

/** Points of the plane in two classes. */
final class PlaneTask {

  /** One point. */
  static final Shape INPUT = new Shape(1, 2);

  private static final int POINTS = 512;
  private static final int BATCH = 64; // points in a step

  /** Which class a point is in. */
  @FunctionalInterface
  interface Rule {
    boolean holds(float x, float y);
  }

  private final float[] points = new float[2 * POINTS];
  private final float[] classes = new float[POINTS];

  PlaneTask(Rule rule) {
    Random random = new Random(7);
    for (int i = 0; i < POINTS; i++) {
      points[2 * i] = random.nextFloat() * 2 - 1;
      points[2 * i + 1] = random.nextFloat() * 2 - 1;
      classes[i] = rule.holds(points[2 * i], points[2 * i + 1]) ? 1 : 0;
    }
  }

  ArrayDataset dataset(NDManager manager) {
    return new ArrayDataset.Builder()
        .setData(inputs(manager))
        .optLabels(manager.create(classes))
        .setSampling(BATCH, false) // in order: the same run every time
        .build();
  }

  private NDArray inputs(NDManager manager) {
    return manager.create(points, new Shape(POINTS, 2));
  }

  /** Share of the points that a model puts where they belong. */
  float accuracy(Model model) throws TranslateException {
    try (NDManager scope = model.getNDManager().newSubManager();
        Predictor<NDList, NDList> predictor = model.newPredictor(new NoopTranslator(null))) {
      NDArray scores = predictor.predict(new NDList(inputs(scope))).head(); // (POINTS, 2)
      NDArray right = scores.argMax(1).toType(DataType.FLOAT32, false).eq(scope.create(classes));
      return right.toType(DataType.FLOAT32, false).mean().getFloat();
    }
  }
}
