// Prints how many Fetch requests a broker on this machine has answered. KafkaRequests PID
import com.sun.tools.attach.VirtualMachine;
import javax.management.ObjectName;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

class KafkaRequests {
    public static void main(String[] args) throws Exception {
        var machine = VirtualMachine.attach(args[0]);
        var address = machine.startLocalManagementAgent();
        machine.detach();
        try (var connector = JMXConnectorFactory.connect(new JMXServiceURL(address))) {
            var broker = connector.getMBeanServerConnection();
            var counters = new ObjectName("kafka.network:type=RequestMetrics,name=RequestsPerSec,request=Fetch,*");
            long requests = 0;
            for (var counter : broker.queryNames(counters, null)) {
                requests += (Long) broker.getAttribute(counter, "Count");
            }
            System.out.println(requests);
        }
    }
}
