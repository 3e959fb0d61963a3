cwtch_test(server_config_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/server_config_test.cpp LINKS cwtch::server)
cwtch_test(server_keys_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/server_keys_test.cpp
           LINKS cwtch::server cwtch::sim PkgConfig::libsodium)
cwtch_test(server_mailbox_test LABELS unit threads SOURCES ${CMAKE_CURRENT_LIST_DIR}/server_mailbox_test.cpp
           LINKS cwtch::server Threads::Threads)
cwtch_test(server_safe_log_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/server_safe_log_test.cpp LINKS cwtch::server)
cwtch_test(server_retrieval_test LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/server_retrieval_test.cpp
           LINKS cwtch::server cwtch::sim)
