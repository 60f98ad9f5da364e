package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubAddressTest {

  private static final URI HUB = URI.create("https://hub.example/api/x?y=1");

  @ParameterizedTest
  @CsvSource({
    "https://hub.example/, https://hub.example",
    "https://hub.example, https://hub.example",
    "https://mirror.example/hf//, https://mirror.example/hf",
    "http://127.0.0.1:8080/hf, http://127.0.0.1:8080/hf"
  })
  void endpointMayHaveAPathAndSlashes(String given, String meant) {
    assertThat(HubAddress.endpoint(URI.create(given))).isEqualTo(URI.create(meant));
    assertThat(HubAddress.below(HubAddress.endpoint(URI.create(given)), "/api/models/me/x"))
        .isEqualTo(URI.create(meant + "/api/models/me/x"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hub.example",
        "file:///etc/passwd",
        "ftp://hub.example",
        "https:///x",
        "https://hub.example?x=1",
        "https://hub.example#x",
        "https://me:secret@hub.example"
      })
  void endpointThatIsNoHostIsRefusedWithoutItsPassword(String given) {
    assertThatThrownBy(() -> HubAddress.endpoint(URI.create(given)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("http or https address")
        .hasMessageNotContaining("secret");
  }

  @ParameterizedTest
  @CsvSource({
    "/there, https://hub.example/there",
    "there, https://hub.example/api/there",
    "https://cdn.example/a?sig=1, https://cdn.example/a?sig=1",
    "//cdn.example/a, https://cdn.example/a"
  })
  void redirectsMayBeRelative(String location, String target) throws HubException {
    assertThat(HubAddress.redirect(HUB, location)).isEqualTo(URI.create(target));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://hub.example/x",
        "http://cdn.example/x?sig=topsecret",
        "file:///etc/passwd",
        "jar:file:/x!/y",
        "https://me:topsecret@cdn.example/x",
        "https://host/with space",
        "mailto:me@hub.example",
        "https:///no-host"
      })
  void redirectToAWeakerPlaceIsRefusedWithoutItsSecrets(String location) {
    assertThatThrownBy(() -> HubAddress.redirect(HUB, location))
        .isInstanceOfSatisfying(
            HubException.class, e -> assertThat(e.kind()).isEqualTo(HubException.Kind.REFUSED))
        .hasMessageContaining("redirects")
        .hasMessageNotContaining("topsecret");
  }

  @ParameterizedTest
  @CsvSource({
    "https://hub.example/a, https://HUB.example:443/b, true",
    "http://hub.example, http://hub.example:80/, true",
    "https://hub.example, http://hub.example, false",
    "https://hub.example, https://hub.example:444, false",
    "https://hub.example, https://hub.example.evil, false",
    "https://hub.example, https://x.hub.example, false"
  })
  void tokenIsSharedByOneHostPortAndProtocol(URI one, URI other, boolean same) {
    assertThat(HubAddress.sameOrigin(one, other)).isEqualTo(same);
  }

  @Test
  void foreignTextMovesNoCursor() {
    assertThat(HubText.printable("a\u001b[2Jb\u009b2Jc\u202Ed\u2028e\r\n"))
        .isEqualTo("a?[2Jb?2Jc?d?e??");
    assertThat(HubText.printable("größe ☃")).isEqualTo("größe ☃");
  }
}
