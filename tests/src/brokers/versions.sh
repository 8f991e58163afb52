# The versions of what test.sh fetches into its cache: read by it and by cache.rs.
nats=2.15.2
kafka=4.3.1
# What Kafka's own logging goes through, in the version that Kafka asks for.
slf4j=1.7.36
