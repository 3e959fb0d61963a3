# Software that nobody here wrote, and input that nobody should send, against a live server.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME api_document COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/api_document.py $<TARGET_FILE:cwtchd>)
set_tests_properties(api_document PROPERTIES LABELS interop TIMEOUT 300)

add_executable(refused_requests ${CMAKE_CURRENT_LIST_DIR}/refused_requests.cpp)
target_include_directories(refused_requests PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(refused_requests PRIVATE cwtch::core)
foreach(io uring epoll)
  add_test(NAME bad_requests_${io} COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/bad_requests.py
           $<TARGET_FILE:cwtchd> $<TARGET_FILE:refused_requests> ${io})
  set_tests_properties(bad_requests_${io} PROPERTIES LABELS interop TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
