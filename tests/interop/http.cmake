# Software that nobody here wrote, and input that nobody should send, against a live server.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME api_document COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/api_document.py $<TARGET_FILE:cwtchd>)
set_tests_properties(api_document PROPERTIES LABELS interop TIMEOUT 300)
