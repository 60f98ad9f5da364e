package io.github.lora4j.hub;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Objects;

/** Addresses: which one a text means, and whether two are of one host. */
final class HubAddress {

  private HubAddress() {}

  /** An endpoint without a slash at its end. */
  static URI endpoint(URI given) {
    String text = given.toString();
    while (text.endsWith("/")) {
      text = text.substring(0, text.length() - 1);
    }
    URI endpoint = URI.create(text);
    if (!isHttp(endpoint)
        || endpoint.getRawUserInfo() != null
        || endpoint.getRawQuery() != null
        || endpoint.getRawFragment() != null) {
      throw new IllegalArgumentException(
          "endpoint must be an http or https address of a host, such as https://huggingface.co,"
              + " got '%s'".formatted(HubText.shown(given)));
    }
    return endpoint;
  }

  /** An address below an endpoint. */
  static URI below(URI endpoint, String path) {
    return URI.create(endpoint + path);
  }

  /** Where a redirect leads. */
  static URI redirect(URI from, String location) throws HubException {
    try {
      URI target = from.resolve(new URI(location));
      if (!isHttp(target) || target.getRawUserInfo() != null) {
        throw new HubException(
            HubException.Kind.REFUSED,
            "%s redirects to '%s'; only http and https addresses of a host are followed"
                .formatted(HubText.shown(from), HubText.shown(target)));
      }
      if (from.getScheme().equalsIgnoreCase("https")
          && !target.getScheme().equalsIgnoreCase("https")) {
        throw new HubException(
            HubException.Kind.REFUSED,
            "%s redirects from https to '%s', which anybody on the way could read; not followed"
                .formatted(HubText.shown(from), HubText.shown(target)));
      }
      return target;
    } catch (URISyntaxException e) {
      throw new HubException(
          HubException.Kind.REFUSED,
          "%s redirects to what is no address".formatted(HubText.shown(from)));
    }
  }

  /**
   * An address that a hub gave, seen from one of its mirrors: a mirror hands through what the hub
   * says of itself.
   */
  static String throughMirror(String address, URI endpoint) {
    String hub = HubEnvironment.DEFAULT_ENDPOINT + "/";
    return address.startsWith(hub) ? endpoint + "/" + address.substring(hub.length()) : address;
  }

  /** Whether two addresses are of one host, port and protocol: the only ones that share a token. */
  static boolean sameOrigin(URI one, URI other) {
    return scheme(one).equals(scheme(other))
        && host(one).equals(host(other))
        && port(one) == port(other);
  }

  private static boolean isHttp(URI address) {
    return address.getScheme() != null
        && (scheme(address).equals("https") || scheme(address).equals("http"))
        && address.getHost() != null;
  }

  private static String scheme(URI address) {
    return Objects.requireNonNull(address.getScheme(), "scheme").toLowerCase(Locale.ROOT);
  }

  private static String host(URI address) {
    return Objects.requireNonNull(address.getHost(), "host").toLowerCase(Locale.ROOT);
  }

  private static int port(URI address) {
    if (address.getPort() >= 0) {
      return address.getPort();
    }
    return scheme(address).equals("https") ? 443 : 80;
  }
}
