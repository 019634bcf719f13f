local json = require("cjson.safe")
local a, b = require "x.a", require 'x.b'
local insert = table.insert
require("boot")
local split = require("util").split

--- A shape.
-- More.
local Shape = {}
Shape.__index = Shape
local M = { limit = 3, run = function(x) return x end, ["odd key"] = 1 }
LIMIT = 3
local MAX <const> = 10

-- Makes it.
function Shape.new(name, ...)
  local self = setmetatable({}, Shape)
  self.name = name
  return self
end

--[[ Measures it.
More. ]]
function Shape:area(scale)
  local total = helper(scale)
  for i, point in ipairs(self.points) do
    total = total + point.x
  end
  for k = 1, 3 do print(k) end
  self:draw(total):close()
  local f = function(z) return z end
  local function inner(q) return q end
  return json.encode(total)
end

M.late = function(x) return Shape.new(x) end
function a.b.c(x) end

local function helper(x)
  return x
end
function global_one() end
local g = function() end

return M
