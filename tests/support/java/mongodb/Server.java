import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Set;

/**
 * Server PORT FOLDER [CERTIFICATE KEY]: speaks MongoDB's protocol on 127.0.0.1:PORT, over TLS if there is a
 * certificate, whose key is PKCS #8 for elliptic curves, both PEM. What it has acknowledged is in FOLDER/mongodb.
 */
final class Server {
    /** Writes through: by itself the store would collect writes for a second. */
    private static final class WrittenThrough extends H2Backend {
        private static final Set<String> WRITES = Set.of("insert", "update", "delete", "createIndexes", "findAndModify", "drop");

        WrittenThrough(Path file) {
            super(file.toString());
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document reply = super.handleMessage(message);
            if (WRITES.contains(message.getDocument().keySet().iterator().next())) {
                commit();
            }
            return reply;
        }
    }

    public static void main(String[] arguments) throws Exception {
        MongoServer server = new MongoServer(new WrittenThrough(Path.of(arguments[1], "mongodb")));
        if (arguments.length > 2) {
            server.enableSsl(key(arguments[3]), null, certificates(arguments[2]));
        }
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    }

    private static PrivateKey key(String file) throws Exception {
        String text = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }

    private static X509Certificate[] certificates(String file) throws Exception {
        try (var in = Files.newInputStream(Path.of(file))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(in).toArray(X509Certificate[]::new);
        }
    }
}
