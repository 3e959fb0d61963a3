cwtch_test(server_shards_test LABELS sim SOURCES ${CMAKE_CURRENT_LIST_DIR}/server_shards_test.cpp
           LINKS cwtch::server cwtch::sim)
# The mailbox is built into the test, with the planted bugs.
cwtch_test(mailbox_mutant_test LABELS sim
           SOURCES ${CMAKE_CURRENT_LIST_DIR}/mailbox_mutant_test.cpp ${PROJECT_SOURCE_DIR}/engine/server/mailbox.cpp
           LINKS cwtch::log_mutants cwtch::sim)
