package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.djl.SharedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The official development set and two published predictions for it. */
final class SquadOfficialTest {

  private final Path squad = SharedFiles.require("data/squad");

  @Test
  void developmentSetIsReadWhole() throws IOException {
    SquadDataset dataset = SquadDataset.read(squad.resolve("dev/dev-v2.0.json"));

    assertThat(dataset.size()).isEqualTo(11_873);
    assertThat(dataset.examples().stream().filter(SquadExample::impossible)).hasSize(5_945);
    assertThat(dataset.examples().stream().map(SquadExample::context).distinct()).hasSize(1_204);
    assertThat(dataset.examples().stream().map(SquadExample::title).distinct()).hasSize(35);
  }

  @Test
  void trainingSampleIsReadWhole() throws IOException {
    SquadDataset dataset = SquadDataset.read(squad.resolve("train-sample/train-v2.0.json"));

    assertThat(dataset.size()).isEqualTo(4_719);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert", "nlnet"})
  void figuresEqualThoseOfTheOfficialScript(String name) throws IOException {
    SquadDataset dataset = SquadDataset.read(squad.resolve("dev/dev-v2.0.json"));
    Path predictions = squad.resolve("eval-oracle/" + name + "-dev-predictions.json");
    JsonObject expected =
        JsonParser.parseString(
                Files.readString(
                    squad.resolve("eval-oracle/" + name + "-dev-scores-from-official-script.json")))
            .getAsJsonObject();

    SquadScores scores = SquadMetric.score(dataset, SquadMetric.readPredictions(predictions));

    System.out.println(name + ": " + scores);
    assertFigure(expected, "exact", scores.exact());
    assertFigure(expected, "f1", scores.f1());
    assertFigure(expected, "total", scores.total());
    assertFigure(expected, "HasAns_exact", scores.hasAnswerExact());
    assertFigure(expected, "HasAns_f1", scores.hasAnswerF1());
    assertFigure(expected, "HasAns_total", scores.hasAnswerTotal());
    assertFigure(expected, "NoAns_exact", scores.noAnswerExact());
    assertFigure(expected, "NoAns_f1", scores.noAnswerF1());
    assertFigure(expected, "NoAns_total", scores.noAnswerTotal());
  }

  /** The sums are made in another order than Python's: the last digits of a double may differ. */
  private static void assertFigure(JsonObject expected, String key, double figure) {
    assertThat(figure).as(key).isCloseTo(expected.get(key).getAsDouble(), within(1e-10));
  }
}
