import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;

/**
 * Server PORT FOLDER [OPTION]...: speaks MongoDB's protocol on 127.0.0.1:PORT. What it has acknowledged is in
 * FOLDER/mongodb. Options: tls=CERTIFICATE,KEY, PEM files with a key for elliptic curves as PKCS #8; primary_of=HOST,HOST...,
 * the other members of the replica set that it says it is the primary of.
 *
 * <p>Some collections behave as a server in trouble: `full` takes two documents and no update, `behind` has no majority for
 * what is written, `stepped_down` is not the primary's any more, `forbidden` may have no index.
 */
final class Server {
    private static final class Backend extends H2Backend {
        private static final Set<String> WRITES = Set.of("insert", "update", "delete", "createIndexes", "drop");

        private final String address;
        private final List<String> members;

        Backend(Path file, String address, List<String> others) {
            super(file.toString());
            this.address = address;
            members = new ArrayList<>(others);
            if (!others.isEmpty()) {
                members.add(address);
            }
        }

        /**
         * One command at a time, and copies: an update changes the stored document in place, and so would change a reply
         * that is being written. MongoDB reads a document whole.
         */
        @Override
        public synchronized Document handleCommand(Channel channel, String database, String command, Document query) {
            return answer(channel, database, command, query).cloneDeeply();
        }

        private Document answer(Channel channel, String database, String command, Document query) {
            if (!WRITES.contains(command)) {
                Document reply = super.handleCommand(channel, database, command, query);
                return command.equalsIgnoreCase("isMaster") && !members.isEmpty() ? asPrimary(reply) : reply;
            }
            String collection = String.valueOf(query.get(command));
            if (collection.equals("stepped_down") && !command.equals("createIndexes")) {
                return refusal(10107, "not primary");
            }
            if (collection.equals("forbidden") && command.equals("createIndexes")) {
                return refusal(13, "not authorized to execute createIndexes");
            }
            if (collection.equals("full") && (command.equals("update") || command.equals("insert") && documents(channel, database) >= 2)) {
                Document error = new Document("index", 0).append("code", 14031).append("errmsg", "no disk space left");
                return new Document("n", 0).append("writeErrors", List.of(error)).append("ok", 1.0);
            }
            Document reply = super.handleCommand(channel, database, command, query);
            commit(); // by itself the store would collect writes for a second
            if (collection.equals("behind") && !command.equals("createIndexes")) {
                reply.append("writeConcernError", new Document("code", 64).append("errmsg", "waiting for replication timed out"));
            }
            return reply;
        }

        private int documents(Channel channel, String database) {
            return ((Number) super.handleCommand(channel, database, "count", new Document("count", "full")).get("n")).intValue();
        }

        private Document asPrimary(Document reply) {
            return reply.append("ismaster", true).append("setName", "tests").append("setVersion", 1).append("hosts", members)
                    .append("primary", address).append("me", address);
        }

        private static Document refusal(int code, String text) {
            return new Document("ok", 0.0).append("code", code).append("errmsg", text);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        List<String> tls = List.of();
        List<String> others = List.of();
        for (int i = 2; i < arguments.length; ++i) {
            String[] option = arguments[i].split("=", 2);
            switch (option[0]) {
                case "tls" -> tls = List.of(option[1].split(","));
                case "primary_of" -> others = List.of(option[1].split(","));
                default -> throw new IllegalArgumentException(arguments[i]);
            }
        }
        MongoServer server = new MongoServer(new Backend(Path.of(arguments[1], "mongodb"), "127.0.0.1:" + port, others));
        if (!tls.isEmpty()) {
            server.enableSsl(key(tls.get(1)), null, certificates(tls.get(0)));
        }
        server.bind("127.0.0.1", port);
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
