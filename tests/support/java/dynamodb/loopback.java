import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

// DynamoDBLocal with its own arguments, but on 127.0.0.1 alone, for which it has no argument.
class loopback {
    public static void main(String[] arguments) throws Exception {
        var local = ServerRunner.createServerFromCommandLineArgs(arguments);
        var field = local.getClass().getDeclaredField("server");
        field.setAccessible(true);
        for (Connector each : ((Server) field.get(local)).getConnectors())
            ((ServerConnector) each).setHost("127.0.0.1");
        local.start();
        local.join();
    }
}
