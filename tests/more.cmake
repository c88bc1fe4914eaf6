include(${CMAKE_CURRENT_LIST_DIR}/clients.cmake)
