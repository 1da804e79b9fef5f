package jobs;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Follows the connections of some devices, each through the states closed, open and busy, and reports events that do not
 * fit. It runs without arguments, as the job of the same name in the official image does, because manifests name that one.
 */
public final class StateMachineExample {
  private static final long DEVICES = 100;
  private static final double EVENTS_PER_SECOND = 100;
  /** One event of so many is wrong. */
  private static final long ERROR_EVERY = 997;

  private StateMachineExample() {}

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    GeneratorFunction<Long, Long> number = n -> n;
    DataGeneratorSource<Long> events =
        new DataGeneratorSource<>(number, Long.MAX_VALUE, RateLimiterStrategy.perSecond(EVENTS_PER_SECOND), Types.LONG);
    KeySelector<Long, Long> device = n -> n % DEVICES;
    env.fromSource(events, WatermarkStrategy.noWatermarks(), "events").uid("events").setParallelism(1)
        .keyBy(device, Types.LONG)
        .process(new Follow()).returns(Types.STRING).uid("follow").name("follow")
        .sinkTo(new DiscardingSink<>()).uid("alerts").name("alerts");
    env.execute("State machine job");
  }

  private static final class Follow extends KeyedProcessFunction<Long, Long, String> implements CheckpointedFunction {
    private static final long serialVersionUID = 1;
    private static final String[] STATES = {"closed", "open", "busy"};
    private transient ValueState<Integer> state;

    @Override
    public void initializeState(FunctionInitializationContext context) {
      state = context.getKeyedStateStore().getState(new ValueStateDescriptor<>("state", Types.INT));
    }

    @Override
    public void processElement(Long event, Context context, Collector<String> alerts) throws Exception {
      int now = state.value() == null ? 0 : state.value();
      int expected = (now + 1) % STATES.length;
      int next = event % ERROR_EVERY == ERROR_EVERY - 1 ? now : expected;
      if (next != expected) {
        alerts.collect("device " + context.getCurrentKey() + " went from " + STATES[now] + " to " + STATES[next]);
      }
      state.update(next);
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {}
  }
}
