package io.github.lora4j.hub;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.lora4j.hub.testing.DoubleExchange;
import io.github.lora4j.hub.testing.DoubleRoute;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A hub, or a proxy in front of it, that repeats the token wherever it can. */
class TokenNeverShownTest {

  private static final String TOKEN = HubLab.TOKEN;

  @TempDir Path directory;
  private HubLab lab;

  @BeforeEach
  void start() throws IOException {
    lab = new HubLab(directory);
  }

  @AfterEach
  void stop() {
    lab.close();
  }

  private static boolean isResolve(DoubleExchange exchange) {
    return !exchange.onStorageHost() && exchange.path().contains("/resolve/");
  }

  static Stream<Arguments> echoes() {
    return Stream.of(
        echo("message", it -> it.refuse(403, "", "who is " + TOKEN)),
        echo("body", it -> it.json(403, "{\"error\":\"who is %s\"}".formatted(TOKEN))),
        echo("gated", it -> it.refuse(403, "GatedRepo", TOKEN)),
        echo("busy", it -> it.refuse(503, "", TOKEN)),
        echo("location", it -> it.redirect(302, "http://localhost:9/" + TOKEN)),
        echo("location that is no address", it -> it.redirect(302, "x:y " + TOKEN)),
        echo("location by ftp", it -> it.redirect(302, "ftp://localhost/" + TOKEN)),
        echo("commit", it -> it.set("X-Repo-Commit", TOKEN).bytes(200, new byte[4])),
        echo("tag", it -> it.set("ETag", "\"" + TOKEN + "\"").bytes(200, new byte[4])),
        echo("encoding", it -> it.set("Content-Encoding", TOKEN).bytes(200, new byte[4])),
        echo("round trip", it -> it.redirect(302, "/" + TOKEN + "/resolve/x/y")));
  }

  private static Arguments echo(String where, DoubleRoute route) {
    return Arguments.of(where, route);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("echoes")
  void echoOfTheTokenIsInNoException(String where, DoubleRoute echo) {
    lab.hub.add(exchange -> isResolve(exchange) && echo.answer(exchange));
    HubClient client = HubClient.of(lab.options().token(TOKEN).retries(1).build());

    Throwable one = catchThrowable(() -> client.download(HubLab.MODEL, HubLab.WEIGHTS));
    Throwable all = catchThrowable(() -> client.modelDirectory(HubLab.ID, small -> {}));

    assertHidden(one);
    assertHidden(all);
  }

  @Test
  void echoInJsonIsInNoException() {
    for (String which : List.of("/revision/", "/tree/")) {
      for (String answer :
          List.of("{\"sha\":\"%s\"}", "[{\"type\":\"file\",\"path\":\"../%s\"}]", "%s")) {
        lab.hub.add(
            exchange ->
                exchange.path().contains(which) && exchange.json(200, answer.formatted(TOKEN)));
        HubClient client = HubClient.of(lab.options().token(TOKEN).build());

        assertHidden(catchThrowable(() -> client.snapshot(HubLab.MODEL, HubPatterns.all())));
      }
    }
  }

  /** The JDK quotes a status line that it does not understand. */
  @Test
  void echoInTheStatusLineIsInNoException() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread answering = new Thread(() -> answerWithTheToken(server));
      answering.setDaemon(true);
      answering.start();
      HubClient client =
          HubClient.of(
              lab.options()
                  .endpoint(URI.create("http://127.0.0.1:" + server.getLocalPort()))
                  .token(TOKEN)
                  .retries(0)
                  .build());

      HubException failure = HubLab.failure(() -> client.download(HubLab.MODEL, HubLab.WEIGHTS));

      assertHidden(failure);
      assertThat(failure).hasMessageContaining(HubToken.MASK); // it was repeated, and is not shown
    }
  }

  private static void answerWithTheToken(ServerSocket server) {
    try (Socket socket = server.accept()) {
      byte[] seen = new byte[8192];
      int read = socket.getInputStream().read(seen);
      String request = new String(seen, 0, read, ISO_8859_1);
      String token = request.substring(request.toLowerCase(Locale.ROOT).indexOf("bearer "));
      socket
          .getOutputStream()
          .write(
              ("HTTP/1.1 " + token.lines().findFirst().orElseThrow() + "\r\n\r\n")
                  .getBytes(ISO_8859_1));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertHidden(Throwable failure) {
    assertThat(failure).isInstanceOf(IOException.class);
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    assertThat(trace.toString()).doesNotContain(TOKEN);
  }

  /** All that a download and a failure print with every log of ours switched on. */
  @Test
  void tokenIsInNoLog() throws Exception {
    lab.repository.makeGated();
    for (String token : List.of(TOKEN, "hf_notKnownAtAll")) {
      ProcessBuilder builder =
          new ProcessBuilder(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-Dorg.slf4j.simpleLogger.defaultLogLevel=trace",
              "-cp",
              System.getProperty("java.class.path"),
              HubProcess.class.getName(),
              lab.hub.endpoint().toString(),
              lab.cache.toString(),
              "model",
              HubLab.ID);
      builder.environment().put("HF_TOKEN", token);
      Process process = builder.redirectErrorStream(true).start();
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      process.waitFor();

      assertThat(printed).contains("hub GET ").doesNotContain(token);
    }
    assertThat(lab.hub.requests())
        .anyMatch(request -> request.header("authorization").orElse("").endsWith(TOKEN));
  }
}
