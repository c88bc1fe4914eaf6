include(${CMAKE_CURRENT_LIST_DIR}/clients.cmake)
if(TARGET shardyard)
  add_subdirectory(cluster)
endif()
